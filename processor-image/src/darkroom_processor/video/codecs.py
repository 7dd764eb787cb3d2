"""Which encoder makes which output, and what it is told."""

import os
from contextlib import suppress
from fractions import Fraction
from typing import Final, NamedTuple

import av
from av.codec.context import CodecContext
from darkroom_core.vocabulary import Format, VideoCodec

from darkroom_processor.documents import Transcode
from darkroom_processor.errors import Code, Rejected


class Encoder(NamedTuple):
    """One of FFmpeg's encoders."""

    name: str
    best: int
    """Its constant rate factor for quality 100."""
    worst: int
    """The same for quality 1."""
    memory: int
    """Bytes that it needs for each pixel of a frame: it looks ahead many frames (measured)."""
    options: dict[str, str]


ENCODERS: Final = {
    VideoCodec.H264: Encoder("libx264", 12, 40, 120, {"preset": "fast"}),
    VideoCodec.VP9: Encoder(
        "libvpx-vp9", 15, 56, 110, {"deadline": "good", "cpu-used": "4", "row-mt": "1", "b": "0"}
    ),
    VideoCodec.AV1: Encoder("libsvtav1", 18, 58, 220, {"preset": "8"}),
}
CODECS: Final = {
    Format.MP4: (VideoCodec.H264, VideoCodec.VP9, VideoCodec.AV1),
    Format.WEBM: (VideoCodec.VP9, VideoCodec.AV1),
}
"""What each format can hold, the default first."""
AUDIO: Final = {Format.MP4: ("aac", 128_000), Format.WEBM: ("libopus", 96_000)}
"""The encoder of each format's sound, and its bits a second."""
OPUS_RATES: Final = (48_000, 24_000, 16_000, 12_000, 8_000)
_FIXED: Final = 160 * 2**20
"""Bytes that are used besides: the program, the decoder, threads."""
_SLOWEST, _FASTEST = Fraction(1, 10), Fraction(240)


def encoder_for(transcode: Transcode, format_: Format) -> Encoder:
    """Return what encodes an output; raises Rejected where there is nothing that can."""
    held = CODECS[format_]
    codec = transcode.codec or held[0]
    if codec not in held:
        raise Rejected(
            Code.CODEC_MISSING,
            f"A {format_.value} file holds {' or '.join(held)}, not {codec.value}. Change the "
            "codec or the format.",
        )
    encoder = ENCODERS[codec]
    if not is_there(encoder.name):
        there = [each.value for each, one in ENCODERS.items() if is_there(one.name)]
        raise Rejected(
            Code.CODEC_MISSING,
            f"This processor cannot encode {codec.value}; it can encode "
            f"{', '.join(there) or 'no video at all'}. Use one of these.",
        )
    return encoder


def is_there(name: str) -> bool:
    """Whether this build of FFmpeg has an encoder."""
    try:
        av.Codec(name, "w")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def check_encoding_memory(encoder: Encoder, size: tuple[int, int], allowed: int | None) -> None:
    """Raise Rejected where encoding frames of a size needs more bytes than may be used."""
    needed = _FIXED + size[0] * size[1] * encoder.memory
    if allowed is not None and needed > allowed:
        raise Rejected(
            Code.OUT_OF_MEMORY,
            f"Encoding {size[0]:,} x {size[1]:,} pixels with {encoder.name} needs about "
            f"{needed // 2**20:,} MiB of memory and the processor may use {allowed // 2**20:,}. "
            "Ask for a smaller video or for h264, or give the processor more memory.",
        )


def options_of(encoder: Encoder, quality: int) -> dict[str, str]:
    """Return what an encoder is told for a quality."""
    factor = encoder.worst + (encoder.best - encoder.worst) * (quality - 1) / 99
    return {**encoder.options, "crf": str(round(factor))}


def sane_rate(rate: Fraction) -> Fraction:
    """Return a rate that every encoder and format takes."""
    return min(max(rate, _SLOWEST), _FASTEST).limit_denominator(65_535)


def open_encoder(context: CodecContext) -> None:
    """Open an encoder, and let it run no sooner than all else.

    As root, SVT-AV1 puts the thread that opens it and its own before everything on the machine
    (SCHED_FIFO, 99), and whatever that thread starts later inherits it.
    """
    context.open()
    for thread in os.listdir("/proc/self/task"):  # noqa: PTH208  # pathlib is slow to import
        with suppress(OSError):
            os.sched_setscheduler(int(thread), os.SCHED_OTHER, os.sched_param(0))
