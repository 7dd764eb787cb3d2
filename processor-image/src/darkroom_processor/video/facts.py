"""The facts of a video, as Inspect and every task of type Video tell them."""

from typing import Final

from darkroom_processor.documents import FileFacts, Limits, VideoFacts
from darkroom_processor.image.facts import look_at
from darkroom_processor.video.film import Film, opened
from darkroom_processor.video.shots import picture, shots_from

_ORIENTATIONS: Final = {0: 1, 90: 8, 180: 3, 270: 6}
"""EXIF's words for turns against the clock."""
_LOOKED_AT: Final = 320
_TEN_BITS: Final = ("10le", "10be", "p010")
_NO_LIMITS: Final = Limits()


def facts_of(
    path: str, size_in_bytes: int, sha256: str, name: str, limits: Limits = _NO_LIMITS
) -> FileFacts:
    """Return all facts of a video; raises Rejected where it is none, or is damaged."""
    with opened(path, limits) as film:
        shot = next(shots_from(film, 0.0))
        facts = FileFacts(
            name=name,
            format=film.format.value,
            bytes=size_in_bytes,
            sha256=sha256,
            width=film.coded[0],
            height=film.coded[1],
            orientation=_ORIENTATIONS.get(round(shot.frame.rotation / 90) * 90 % 360, 1),
            frames=film.frames,
            duration_seconds=round(film.duration, 3),
            depth=10 if shot.frame.format.name.endswith(_TEN_BITS) else 8,
            mode="rgb",
            video=_video_facts(film),
        )
        return look_at(picture(shot, film, _LOOKED_AT)).of(facts)


def _video_facts(film: Film) -> VideoFacts:
    audio = film.container.streams.audio
    return VideoFacts(
        codec=film.stream.codec_context.codec.canonical_name,
        frames_per_second=round(float(film.rate), 3),
        audio_codec=(
            audio[0].codec_context.codec.canonical_name
            if audio and audio[0].codec_context
            else None
        ),
        bit_rate=film.container.bit_rate or None,
    )
