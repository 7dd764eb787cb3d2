"""Another video: of another size, codec, rate or part; exact to the frame."""

import os
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

import av
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from darkroom_core.vocabulary import Format
from PIL import Image
from PIL.Image import Transpose

from darkroom_processor.documents import Transcode, VideoFacts
from darkroom_processor.limits import allowed_memory, check_output_pixels, usable_cpus
from darkroom_processor.video.codecs import (
    ENCODERS,
    check_encoding_memory,
    encoder_for,
    open_encoder,
    options_of,
    sane_rate,
)
from darkroom_processor.video.damage import corrupt, damage_is_rejected
from darkroom_processor.video.film import Film
from darkroom_processor.video.job import Job, Made, check_inside
from darkroom_processor.video.shots import Decoder, Shot, picture, reach, shots_from, turn_of
from darkroom_processor.video.sound import Sound

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

_TICKS: Final = 90_000
"""Of the clock by which frames are timed, in a second: what MPEG uses."""
_EARLY: Final = 1e-4
_MISSING: Final = 0.5
"""Seconds that a source may end before it says."""
_LATE: Final = 2.0
_BT709: Final = 1


class Clip(NamedTuple):
    """The part of the video that is wanted, in seconds."""

    start: float
    end: float


def make_transcode(job: Job, transcode: Transcode) -> list[Made]:
    """Return the video, as a file in the job's folder."""
    encoder = encoder_for(transcode, job.output.format)
    path = f"{job.folder}/{job.output.name}.{job.output.format.extension}"
    # SVT-AV1 would talk about itself.
    os.environ.setdefault("SVT_LOG", "1")
    with job.opened() as film:
        check_inside(transcode.start, film)
        end = film.duration
        if transcode.duration is not None:
            end = min(end, transcode.start + transcode.duration)
        clip = Clip(transcode.start, end)
        shaper = Shaper(job, film, transcode, next(shots_from(film, clip.start)))
        check_encoding_memory(encoder, shaper.size, allowed_memory())
        muxer = {"movflags": "+faststart"} if job.output.format is Format.MP4 else {}
        with av.open(path, mode="w", format=job.output.format.value, options=muxer) as target:
            target.metadata.clear()
            stream = target.add_stream(encoder.name, rate=shaper.rate)
            assert isinstance(stream, VideoStream)  # noqa: S101  # as the encoder's kind is
            _set_up(stream, shaper, options_of(encoder, transcode.quality))
            open_encoder(stream.codec_context)
            sound = Sound(film, target, job.output.format) if transcode.audio else None
            count = _encode(_Work(job, film, clip, shaper, target, stream, sound))
    video = VideoFacts(
        codec=next(c.value for c, one in ENCODERS.items() if one.name == encoder.name),
        frames_per_second=round(float(shaper.rate), 3),
        audio_codec=sound.codec if sound else None,
    )
    seconds = round(clip.end - clip.start, 3)
    return [
        Made(job.assigned.files[0], path, shaper.size, frames=count, seconds=seconds, video=video)
    ]


class Shaper:
    """Makes the frames of the target of those of the source."""

    def __init__(self, job: Job, film: Film, transcode: Transcode, first: Shot) -> None:
        """Decide on size and rate by the first frame."""
        self._film, self._background = film, job.output.background
        self._drawing = job.drawing() if job.output.operations else None
        self._turn = turn_of(first.frame)
        self.rate = sane_rate(film.rate)
        self.step: float | None = None
        """Least seconds between two frames; None: as the source has them."""
        if transcode.fps is not None and transcode.fps < film.rate:
            self.rate = sane_rate(Fraction(transcode.fps).limit_denominator(1001))
            self.step = float(1 / self.rate)
        full = film.size
        if self._drawing:
            full = self._drawing(picture(first, film)).size
        elif self._turn in {Transpose.ROTATE_90, Transpose.ROTATE_270}:
            full = (full[1], full[0])
        self.size = even_size(full, transcode.width, transcode.height)
        check_output_pixels(self.size, job.limits.pixels)
        self.colors = _colors_of(first.frame) if self._is_plain else (_BT709, _BT709, _BT709)

    @property
    def _is_plain(self) -> bool:
        return self._drawing is None and self._turn is None

    def frame(self, shot: Shot) -> VideoFrame:
        """Return a frame of the target's size, upright."""
        if self._is_plain:
            return shot.frame.reformat(
                *self.size, format="yuv420p", interpolation="BICUBIC", dst_color_range="MPEG"
            )
        frame: VideoFrame = VideoFrame.from_image(self._picture(shot))  # type: ignore[no-untyped-call]
        return frame.reformat(
            *self.size,
            format="yuv420p",
            interpolation="BICUBIC",
            dst_colorspace="ITU709",
            dst_color_range="MPEG",
        )

    def _picture(self, shot: Shot) -> Image.Image:
        if self._drawing is None:
            return picture(shot, self._film, self.size[0])
        image = self._drawing(picture(shot, self._film))
        if image.mode == "RGBA":
            flat = Image.new("RGB", image.size, self._background[:7])
            flat.paste(image, mask=image)
            return flat
        return image.convert("RGB")


def even_size(size: tuple[int, int], width: int | None, height: int | None) -> tuple[int, int]:
    """Return a size inside the box, never larger, with even sides, as 4:2:0 needs them."""
    factor = min(1.0, (width or size[0]) / size[0], (height or size[1]) / size[1])
    return (_even(size[0] * factor), _even(size[1] * factor))


def _even(side: float) -> int:
    return max(2, round(side / 2) * 2)


def _colors_of(frame: VideoFrame) -> tuple[int, int, int]:
    return (frame.colorspace, frame.color_primaries, frame.color_trc)


def _set_up(stream: VideoStream, shaper: Shaper, options: dict[str, str]) -> None:
    context = stream.codec_context
    context.width, context.height = shaper.size
    context.pix_fmt = "yuv420p"
    context.framerate = shaper.rate
    context.time_base = Fraction(1, _TICKS)
    context.thread_count = usable_cpus()
    context.options = options
    context.colorspace, context.color_primaries, context.color_trc = shaper.colors
    context.color_range = 1  # MPEG's: 16 to 235


class _Work(NamedTuple):
    """A transcode on its way."""

    job: Job
    film: Film
    clip: Clip
    shaper: Shaper
    target: OutputContainer
    stream: VideoStream
    sound: Sound | None


def _encode(work: _Work) -> int:
    """Write every frame and sound of the clip; return how many frames there are."""
    timer = _Timer(work.clip, work.shaper.step)
    length = max(_EARLY, work.clip.end - work.clip.start)
    for shot in _clipped(_shots(work), work.clip):
        ticks = timer.ticks(shot.time)
        if ticks is None:
            continue
        frame = work.shaper.frame(shot)
        frame.pts, frame.time_base = ticks, Fraction(1, _TICKS)
        frame.pict_type = 0
        work.target.mux(work.stream.encode(frame))
        work.job.progress(min(1.0, (shot.time - work.clip.start) / length))
    if not timer.count:
        raise corrupt("none of its pictures can be decoded")
    work.target.mux(work.stream.encode(None))
    if work.sound:
        work.sound.finish()
    return timer.count


class _Timer:
    """Says when each frame is shown in the clip, and which are left out for a lower rate."""

    def __init__(self, clip: Clip, step: float | None) -> None:
        """Begin at the start of the clip."""
        self._clip, self._step = clip, step
        self._last = -1
        self.count = 0

    def ticks(self, time: float) -> int | None:
        """Return a frame's time in ticks; None where it is left out."""
        since = max(0.0, time - self._clip.start)
        if self._step is not None:
            since = self._step * int((since + _EARLY) / self._step)
        ticks = round(since * _TICKS)
        if ticks <= self._last:
            return None
        self._last, self.count = ticks, self.count + 1
        return ticks


def _clipped(shots: Iterator[Shot], clip: Clip) -> Iterator[Shot]:
    """Yield the frames of the clip: what is shown at its start may have begun before it."""
    held: Shot | None = None
    for shot in shots:
        if shot.time <= clip.start + _EARLY:
            held = shot
            continue
        if held is not None:
            yield held
            held = None
        if shot.time < clip.end - _EARLY:
            yield shot
    if held is not None:
        yield held


def _shots(work: _Work) -> Iterator[Shot]:
    """Yield the frames up to the clip's end; the sound between them is written on the way."""
    film, clip = work.film, work.clip
    decoder, seen = Decoder(film), 0.0
    reach(film, clip.start)
    for packet in _packets(film):
        if packet.pts is not None:
            seen = max(seen, float(packet.pts * (packet.time_base or 0)) - film.start)
        if packet.stream is film.stream:
            yield from decoder.shots(packet)
        elif work.sound and packet.stream is film.audio:
            work.sound.take(packet, clip.start, clip.end)
        # Sound may come later than the pictures beside it.
        if seen > clip.end + _LATE:
            return
    if seen + _MISSING < clip.end:
        raise corrupt(f"it ends after {seen:.1f} of {film.duration:.1f} seconds")


def _packets(film: Film) -> "Iterator[Packet[Stream]]":
    packets = film.container.demux()
    while True:
        with damage_is_rejected():
            packet = next(packets, None)
        if packet is None:
            return
        yield packet
