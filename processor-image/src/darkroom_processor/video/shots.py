"""The frames of a video, in their order and with their times; no more than two are in memory."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import av
from av.video.frame import VideoFrame
from PIL import Image
from PIL.Image import Transpose

from darkroom_processor.video.damage import corrupt, damage_is_rejected
from darkroom_processor.video.film import Film, check_frame

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream
    from av.video.stream import VideoStream

_TURNS: Final = {90: Transpose.ROTATE_90, 180: Transpose.ROTATE_180, 270: Transpose.ROTATE_270}
_BACK: Final = (0.0, 5.0, 30.0)
"""Seconds before the time wanted at which reading begins, where a seek went beyond it."""
_NEAR: Final = 2.0
"""Seconds that are rather decoded than jumped over."""
_MOST_BROKEN: Final = 10
_EARLY: Final = 1e-4
_KNOWN_SPACES: Final = frozenset({1, 4, 5, 6, 7, 9, 10})
"""How brightness and colour are made of red, green and blue, by FFmpeg's numbers."""
_HD_LINES: Final = 720


class Shot(NamedTuple):
    """A frame, and its time in seconds since the first one."""

    time: float
    frame: VideoFrame


class Decoder:
    """Decodes packets of a film; some damage is passed over, much is not."""

    def __init__(self, film: Film) -> None:
        """Begin without damage."""
        self._film = film
        self._count = self._broken = 0
        self._last = -1.0 / film.rate

    def shots(self, packet: "Packet[VideoStream] | Packet[Stream] | None") -> Iterator[Shot]:
        """Yield the frames that a packet completes; None: those that are still held back."""
        film = self._film
        try:
            frames = film.stream.codec_context.decode(packet)
        except (av.FFmpegError, ValueError) as error:
            self._broken += 1
            if self._broken > max(_MOST_BROKEN, self._count):
                raise corrupt(error) from error
            return
        for frame in frames:
            check_frame((frame.width, frame.height), film.pixels)
            time = frame.time - film.start if frame.time is not None else self._next
            self._count, self._last = self._count + 1, time
            yield Shot(time, frame)

    @property
    def _next(self) -> float:
        return float(self._last + 1 / self._film.rate)


def shots_from(film: Film, time: float) -> Iterator[Shot]:
    """Yield the frames from the one that is shown at `time` on; raises Rejected for damage."""
    _, first, rest = _reached(film, time)
    yield from _shown(first, rest, time)


def reach(film: Film, time: float) -> None:
    """Go to where decoding has to begin for what is shown at `time`."""
    seek(film, _reached(film, time)[0])


def _reached(film: Film, time: float) -> tuple[float, Shot, Iterator[Shot]]:
    """Return from when on it is decoded, and the frames; some containers seek too far."""
    for start in (*(time - back for back in _BACK if back < time), 0.0):
        seek(film, start)
        shots = _all(film)
        first = next(shots, None)
        if first is not None and (start == 0 or first.time <= time + _EARLY):
            return start, first, shots
    raise corrupt("none of its pictures can be decoded")


def shots_at(film: Film, times: Sequence[float]) -> Iterator[Shot]:
    """Yield the frame that is shown at each of `times`, which ascend; the same one only once."""
    shots: Iterator[Shot] | None = None
    held: Shot | None = None
    following: Shot | None = None
    given: float | None = None
    for time in times:
        if shots is None or held is None or time - held.time > _NEAR:
            shots = shots_from(film, time)
            held, following = next(shots), next(shots, None)
        while following is not None and following.time <= time + _EARLY:
            held, following = following, next(shots, None)
        if given is None or held.time > given:
            given = held.time
            yield held


def seek(film: Film, time: float) -> None:
    """Go on at the last picture before `time` that can be decoded by itself."""
    with damage_is_rejected():
        if film.stream.time_base and time > 0:
            at = int((time + film.start) / film.stream.time_base)
            film.container.seek(at, stream=film.stream, backward=True)
        else:
            begin = min(0, film.stream.start_time or 0)
            film.container.seek(begin, stream=film.stream, backward=True)


def picture(shot: Shot, film: Film, width: int | None = None) -> Image.Image:
    """Return a frame as an upright picture with square pixels, in RGB.

    With `width` it is made so wide, where that is less than it has.
    """
    turn = turn_of(shot.frame)
    size = _scaled(film, turn, width)
    frame = to_rgb(shot.frame, size, "AREA" if width else "BICUBIC")
    image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
    return image.transpose(turn) if turn is not None else image


def turn_of(frame: VideoFrame) -> Transpose | None:
    """Return how a frame has to be turned to be upright; angles between are passed over."""
    return _TURNS.get(round(frame.rotation / 90) * 90 % 360)


def to_rgb(frame: VideoFrame, size: tuple[int, int], interpolation: str) -> VideoFrame:
    """Return a frame of a size in RGB; what does not say how it is coloured is taken by custom."""
    unsaid = frame.colorspace not in _KNOWN_SPACES
    custom = "ITU709" if frame.height >= _HD_LINES else "ITU601"
    return frame.reformat(
        *size,
        format="rgb24",
        src_colorspace=custom if unsaid else None,
        interpolation=interpolation,
    )


def _scaled(film: Film, turn: Transpose | None, width: int | None) -> tuple[int, int]:
    full = film.size
    shown = full[1] if turn in {Transpose.ROTATE_90, Transpose.ROTATE_270} else full[0]
    if width is None or width >= shown:
        return full
    factor = width / shown
    return max(1, round(full[0] * factor)), max(1, round(full[1] * factor))


def _all(film: Film) -> Iterator[Shot]:
    decoder = Decoder(film)
    packets = film.container.demux(film.stream)
    while True:
        with damage_is_rejected():
            packet = next(packets, None)
        if packet is None:
            return
        yield from decoder.shots(packet)


def _shown(first: Shot, rest: Iterator[Shot], time: float) -> Iterator[Shot]:
    """Yield from the last frame that is not after `time` on; at least one."""
    held = first
    for shot in rest:
        if shot.time > time + _EARLY:
            yield held
            yield shot
            yield from rest
            return
        held = shot
    yield held
