"""Opening a video: by its content, from this file alone, within the limits."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Final, NamedTuple

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from darkroom_processor.documents import Limits
from darkroom_processor.errors import Code, Rejected
from darkroom_processor.limits import allowed_memory, check_memory, usable_cpus
from darkroom_processor.video.damage import corrupt, damage_is_rejected
from darkroom_processor.video.sniff import MAGIC_LENGTH, VideoFormat, video_format

DEMUXERS: Final = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts"
VIDEO_CODECS: Final = (
    "h264", "hevc", "av1", "vp9", "vp8", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg", "prores",
)  # fmt: skip
AUDIO_CODECS: Final = (
    "aac", "mp3", "opus", "vorbis", "flac", "alac", "ac3", "eac3", "mp2", "pcm_s16le", "pcm_s16be",
    "pcm_s24le", "pcm_s24be", "pcm_f32le",
)  # fmt: skip
_DECODERS: Final = ",".join((
    *VIDEO_CODECS, *AUDIO_CODECS, "libdav1d", "libvpx", "libvpx-vp9", "mp3float", "mp2float",
    "libopus",
))  # fmt: skip
_REFERENCES: Final = 8
_YUV, _RGB = 1.5, 6.0
_MOST_THREADS: Final = 8
_LONGEST_SIDE: Final = 16_384
_USUAL_RATE: Final = Fraction(25)
_FASTEST: Final = 1000


class Film(NamedTuple):
    """An opened video: its header is read and within the limits."""

    container: InputContainer
    stream: VideoStream
    format: VideoFormat
    coded: tuple[int, int]
    """Size of a frame, as it is stored."""
    size: tuple[int, int]
    """Size of a frame with square pixels, not turned."""
    duration: float
    """Seconds, by the header or, where it says nothing, by the packets."""
    rate: Fraction
    """Frames a second, on average."""
    start: float
    """The time at which its pictures begin, by its own clock."""
    pixels: int
    """Most pixels that a frame may have."""

    @property
    def audio(self) -> AudioStream | None:
        """Its first sound, of a codec that is taken."""
        known = (s for s in self.container.streams.audio if s.codec_context is not None)
        return next(
            (s for s in known if s.codec_context.codec.canonical_name in AUDIO_CODECS), None
        )

    @property
    def frames(self) -> int:
        """How many frames it has: by the header, or by its rate."""
        return max(1, self.stream.frames or round(self.duration * self.rate))


@contextmanager
def opened(path: str, limits: Limits) -> Iterator[Film]:
    """Open a video and check its header; raises Rejected."""
    with open(path, "rb") as file:  # noqa: PTH123  # pathlib is slow to import
        format_ = video_format(file.read(MAGIC_LENGTH))
    # Any level would call Python from FFmpeg's threads, which can wait for each other for ever.
    av.logging.set_level(None)
    options = {
        # Nothing but this one file: no playlist, no reference to others, no network.
        "protocol_whitelist": "file",
        "format_whitelist": DEMUXERS,
        "codec_whitelist": _DECODERS,
        "max_pixels": str(limits.pixels),
        "max_streams": "32",
        "probesize": "20000000",
    }
    if format_.demuxer == "mov":
        options |= {"enable_drefs": "0", "use_absolute_path": "0"}
    with damage_is_rejected():
        container = av.open(
            f"file:{os.path.abspath(path)}",  # noqa: PTH100  # as above
            mode="r",
            format=format_.demuxer,
            container_options=options,
            metadata_errors="replace",
        )
    with container:
        yield _film(container, format_, limits)


def _film(container: InputContainer, format_: VideoFormat, limits: Limits) -> Film:
    stream = _stream(container)
    context = stream.codec_context
    coded = (context.width, context.height)
    if min(coded) < 1:
        raise corrupt("it does not say how large its pictures are")
    check_frame(coded, limits.pixels)
    threads = min(_MOST_THREADS, usable_cpus())
    check_memory(round(coded[0] * coded[1] * _bytes_for_each_pixel(threads)), allowed_memory())
    context.options = {"max_pixels": str(limits.pixels)}
    context.thread_count = threads
    context.thread_type = "AUTO"
    start = float((stream.start_time or 0) * (stream.time_base or 0))
    duration = _duration(container, stream, start)
    return Film(
        container,
        stream,
        format_,
        coded,
        _square(coded, context.sample_aspect_ratio),
        duration,
        _rate(stream),
        start,
        limits.pixels,
    )


def _bytes_for_each_pixel(threads: int) -> float:
    """Return what decoding needs: frames that others refer to, one for each thread, one in RGB."""
    return _YUV * (_REFERENCES + threads) + _RGB


def check_frame(size: tuple[int, int], limit: int) -> None:
    """Raise Rejected where a frame has more pixels than one may have."""
    if size[0] * size[1] > limit or max(size) > _LONGEST_SIDE:
        raise Rejected(
            Code.TOO_MANY_PIXELS,
            f"The video's pictures have {size[0]:,} x {size[1]:,} pixels; this processor takes "
            f"{limit:,} pixels, {_LONGEST_SIDE:,} on a side at most. Send a smaller video.",
        )


def _stream(container: InputContainer) -> VideoStream:
    still = av.stream.Disposition.attached_pic
    streams = [s for s in container.streams.video if not s.disposition & still]
    if not streams:
        raise Rejected(
            Code.UNSUPPORTED_FORMAT,
            "The source has no pictures that move. Send a video, or make a task of type Image.",
        )
    stream = streams[0]
    codec = stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"
    if codec not in VIDEO_CODECS:
        raise Rejected(
            Code.UNSUPPORTED_FORMAT,
            f"The video is encoded as {codec}; this processor takes {', '.join(VIDEO_CODECS)}. "
            "Convert it to one of these and send it again.",
        )
    return stream


def _square(coded: tuple[int, int], ratio: Fraction | None) -> tuple[int, int]:
    """Return a frame's size with square pixels; ratios that cannot be true are passed over."""
    if not ratio or not Fraction(1, 8) <= ratio <= 8:  # noqa: PLR2004  # wider is no video's
        return coded
    return (max(1, round(coded[0] * ratio)), coded[1])


def _rate(stream: VideoStream) -> Fraction:
    rate = stream.average_rate or stream.guessed_rate or _USUAL_RATE
    return rate if 0 < rate <= _FASTEST else _USUAL_RATE


def _duration(container: InputContainer, stream: VideoStream, start: float) -> float:
    base = stream.time_base
    if stream.duration and base:
        seconds = float(stream.duration * base)
    elif container.duration:
        seconds = container.duration / av.time_base
    else:
        seconds = _last_packet(container, stream) - start
    if not math.isfinite(seconds) or seconds <= 0:
        return float(1 / _rate(stream))
    return seconds


def _last_packet(container: InputContainer, stream: VideoStream) -> float:
    """Return when the last picture ends, by its own clock: nothing is decoded for it."""
    end = 0
    with damage_is_rejected():
        for packet in container.demux(stream):
            if packet.pts is not None:
                end = max(end, packet.pts + (packet.duration or 0))
        container.seek(0)
    return float(end * (stream.time_base or 0))
