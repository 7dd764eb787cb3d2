"""The sound of a video, encoded anew: AAC in mp4, Opus in webm."""

from fractions import Fraction
from typing import TYPE_CHECKING, Final

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from darkroom_core.vocabulary import Format

from darkroom_processor.video.codecs import AUDIO, OPUS_RATES
from darkroom_processor.video.damage import corrupt
from darkroom_processor.video.film import Film

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

_MOST_BROKEN: Final = 50
_AAC_RATES: Final = (48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)
_INTERRUPTED: Final = 0.2
"""Seconds without sound that are no rounding."""
_MONO: Final = 1


class Sound:
    """Takes the packets of the source's sound, writes those of the target's."""

    def __init__(self, film: Film, target: OutputContainer, format_: Format) -> None:
        """Where the source has no sound, nothing is ever written."""
        self._film, self._source, self._target = film, film.audio, target
        self._stream: AudioStream | None = None
        self._next: int | None = None
        self._broken = 0
        if self._source is None:
            return
        name, bits = AUDIO[format_]
        context = self._source.codec_context
        rates = OPUS_RATES if name == "libopus" else _AAC_RATES
        rate = next((each for each in rates if each <= context.sample_rate), rates[-1])
        # Opus knows few rates; what lies between is brought to the highest.
        if name == "libopus" and rate != context.sample_rate:
            rate = OPUS_RATES[0]
        layout = "mono" if context.channels == _MONO else "stereo"
        stream = target.add_stream(name, rate=rate)
        assert isinstance(stream, AudioStream)  # noqa: S101  # as the encoder's kind is
        stream.codec_context.layout = layout
        stream.codec_context.bit_rate = bits if layout == "stereo" else bits // 2
        stream.codec_context.time_base = Fraction(1, rate)
        self._stream = stream
        self._resampler = av.AudioResampler(stream.codec_context.format, layout, rate)

    @property
    def codec(self) -> str | None:
        """How it is encoded; None where there is none."""
        return self._stream.codec_context.codec.canonical_name if self._stream else None

    def take(self, packet: "Packet[Stream]", start: float, end: float) -> None:
        """Write what of a packet lies in the clip."""
        assert self._source is not None  # noqa: S101  # else it has no packets
        try:
            frames = self._source.codec_context.decode(packet)
        except (av.FFmpegError, ValueError) as error:
            self._broken += 1
            if self._broken > _MOST_BROKEN:
                raise corrupt(f"its sound: {error}") from error
            return
        for frame in frames:
            assert isinstance(frame, AudioFrame)  # noqa: S101  # what an audio codec gives
            time = 0.0 if frame.time is None else frame.time - self._film.start
            length = frame.samples / frame.sample_rate
            # A frame is some 20 ms: that exact is the cut.
            if start <= time + length / 2 and time + length / 2 < end:
                self._write(frame, time - start)

    def finish(self) -> None:
        """Write what is held back."""
        if self._stream is None:
            return
        if self._next is not None:
            self._encode(self._resampler.resample(None))
        self._target.mux(self._stream.encode(None))

    def _write(self, frame: AudioFrame, time: float) -> None:
        assert self._stream is not None  # noqa: S101  # else nothing is taken
        rate = self._stream.codec_context.sample_rate
        at = max(0, round(time * rate))
        if self._next is None:
            self._next = at
        elif at - self._next > _INTERRUPTED * rate:
            self._be_silent(at - self._next)
        frame.pts = None
        self._encode(self._resampler.resample(frame))

    def _be_silent(self, samples: int) -> None:
        """Write silence: without it, what follows would be heard too early."""
        assert self._stream is not None  # noqa: S101  # as above
        context = self._stream.codec_context
        while samples > 0:
            size = min(samples, context.sample_rate)
            silence = AudioFrame(context.format.name, context.layout.name, size)
            for plane in silence.planes:
                plane.update(bytes(plane.buffer_size))
            silence.sample_rate = context.sample_rate
            self._encode([silence])
            samples -= size

    def _encode(self, frames: list[AudioFrame]) -> None:
        assert self._stream is not None  # noqa: S101  # as above
        assert self._next is not None  # noqa: S101  # as above
        for each in frames:
            each.pts, each.time_base = self._next, self._stream.codec_context.time_base
            self._next += each.samples
            self._target.mux(self._stream.encode(each))
