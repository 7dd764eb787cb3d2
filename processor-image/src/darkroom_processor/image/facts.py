"""Facts: what a picture is and how it looks, told of sources and outputs alike."""

import hashlib
import json
from typing import Final, NamedTuple

from darkroom_core.vocabulary import Format
from PIL import Image

from darkroom_processor.documents import (
    ColorShare,
    Facts,
    FileFacts,
    OutputReport,
    SourceReport,
)
from darkroom_processor.image import hashes, metadata, timing
from darkroom_processor.image.colors import normal, to_srgb
from darkroom_processor.image.decode import Base, Source
from darkroom_processor.operations.turn import ORIENTATIONS
from darkroom_processor.report import document

SOURCE: Final = "source"
_SMALL: Final = 32
"""Longest side of the picture that is looked at: placeholders and palettes need no more."""
_COLORS: Final = 8
_OPAQUE: Final = 128
_ALPHA: Final = frozenset({"RGBA", "LA", "PA", "RGBa", "La"})
_MODES: Final = {
    "1": ("gray", 1),
    "L": ("gray", 8),
    "LA": ("gray", 8),
    "P": ("palette", 8),
    "PA": ("palette", 8),
    "CMYK": ("cmyk", 8),
    "LAB": ("lab", 8),
    "I": ("gray", 32),
    "F": ("gray", 32),
}
_RGB: Final = ("rgb", 8)
_DEEP_GRAY: Final = ("gray", 16)


class Look(NamedTuple):
    """How a picture looks."""

    palette: tuple[ColorShare, ...]
    blur_hash: str
    thumb_hash: str
    perceptual_hash: str

    def of(self, facts: FileFacts) -> FileFacts:
        """Return the facts with the look."""
        dominant = self.palette[0].color if self.palette else None
        return facts._replace(dominant_color=dominant, **self._asdict())


def look_at(image: Image.Image, profile: bytes | None = None, orientation: int = 1) -> Look:
    """Return how a picture looks when it is upright."""
    small = image if image.mode != "I;16" else normal(image)
    longer = max(small.size)
    if longer > _SMALL:
        size = tuple(max(1, round(side * _SMALL / longer)) for side in small.size)
        small = small.resize((size[0], size[1]), Image.Resampling.BOX, reducing_gap=2.0)
    small = to_srgb(small, profile).convert("RGBA")
    turn = ORIENTATIONS.get(orientation)
    small = small if turn is None else small.transpose(turn)
    opaque = Image.new("RGBA", small.size, (255, 255, 255, 255))
    opaque.alpha_composite(small)
    shown = opaque.convert("RGB")
    return Look(
        _palette(small),
        hashes.blur_hash(shown),
        hashes.thumb_hash(small),
        hashes.difference_hash(shown),
    )


def _palette(image: Image.Image) -> tuple[ColorShare, ...]:
    """Return the colours of what is not transparent, the most frequent first (median cut)."""
    data = image.tobytes()
    pixels = b"".join(data[at : at + 3] for at in range(0, len(data), 4) if data[at + 3] >= _OPAQUE)
    count = len(pixels) // 3
    if not count:
        return ()
    reduced = Image.frombytes("RGB", (count, 1), pixels).quantize(_COLORS, Image.Quantize.MEDIANCUT)
    colors = reduced.getpalette() or []
    found = [
        (number, bytes(colors[3 * index : 3 * index + 3]).hex())
        for index, number in enumerate(reduced.histogram())
        if number
    ]
    found.sort(reverse=True)
    return tuple(ColorShare(f"#{color}", round(number / count, 4)) for number, color in found)


def digest_of(path: str) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    with open(path, "rb") as file:  # noqa: PTH123  # pathlib is slow to import
        return hashlib.file_digest(file, "sha256").hexdigest()


def source_report(source: Source, base: Base | None, size: int, digest: str) -> SourceReport:
    """Return the least of a source's facts; its pixels may not have been decoded."""
    mode = base.mode if base else source.image.mode
    times = timing.frame_times(source.path, source.format) if source.is_moving else []
    return SourceReport(
        source.format.value,
        size,
        digest,
        *source.size,
        orientation=base.orientation if base else source.orientation,
        has_alpha=mode in _ALPHA or source.image.has_transparency_data,
        frames=max(source.frames, source.pages),
        duration_seconds=round(sum(times) / 1000, 3) if times else None,
    )


def source_facts(report: SourceReport, source: Source, base: Base, name: str) -> FileFacts:
    """Return all facts of a source but its look."""
    mode, depth = _mode_of(base.mode)
    return FileFacts(
        name,
        **report._asdict(),
        depth=depth,
        mode=mode,
        profile=profile_name(source.profile),
        camera=metadata.camera_of(base.metadata) if base.metadata else None,
    )


def output_facts(report: OutputReport, image: Image.Image, profile: bytes | None) -> FileFacts:
    """Return the facts of an output but its look; `image` is what was encoded."""
    mode, depth = _mode_of(image.mode)
    return FileFacts(
        report.name,
        report.format.value,
        report.bytes,
        report.sha256,
        report.width,
        report.height,
        has_alpha=image.mode in _ALPHA or "transparency" in image.info,
        depth=depth,
        mode="palette" if report.format is Format.GIF else mode,
        profile=profile_name(profile),
    )


def encoded(sources: list[FileFacts], outputs: list[FileFacts]) -> bytes:
    """Return the document facts.json."""
    return json.dumps(document(Facts(tuple(sources), tuple(outputs)))).encode()


def profile_name(profile: bytes | None) -> str | None:
    """Return what an ICC profile calls itself (its `desc` tag)."""
    if not profile:
        return None
    for entry in range(132, min(len(profile), 132 + 12 * 100) - 11, 12):
        if profile[entry : entry + 4] == b"desc":
            at = int.from_bytes(profile[entry + 4 : entry + 8], "big")
            return _description(profile[at : at + 1024])
    return None


def _description(tag: bytes) -> str | None:
    """Read a tag of the second version (text) or of the fourth (one text for each language)."""
    if tag.startswith(b"desc"):
        length = int.from_bytes(tag[8:12], "big")
        text = tag[12 : 12 + length].decode("ascii", "replace")
    else:
        length, at = (int.from_bytes(tag[start : start + 4], "big") for start in (20, 24))
        text = tag[at : at + length].decode("utf-16-be", "replace")
    return "".join(c for c in text if c.isprintable()).strip()[:200] or None


def _mode_of(mode: str) -> tuple[str, int]:
    return _DEEP_GRAY if mode.startswith("I;16") else _MODES.get(mode, _RGB)
