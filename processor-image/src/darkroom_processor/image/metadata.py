"""Metadata: what a source says of itself, and what of that an output may carry.

Nothing is copied whole. What is kept is read, picked by name and written anew, so that a place,
a preview or a maker's note, wherever it is hidden, cannot come along.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from darkroom_core.vocabulary import Metadata as Kept
from PIL import Image

from darkroom_processor.documents import CameraFacts
from darkroom_processor.image import xmp

EXIF_PREFIX: Final = b"Exif\0\0"
"""What EXIF begins with inside JPEG, and nowhere else."""
_EXIF_IFD: Final = 0x8769
_DESCRIPTION, _MAKE, _MODEL, _SOFTWARE, _DATE = 0x010E, 0x010F, 0x0110, 0x0131, 0x0132
_ARTIST, _COPYRIGHT = 0x013B, 0x8298
_RESOLUTION: Final = (0x011A, 0x011B, 0x0128)
_XP: Final = (0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F)
_RATING: Final = 0x4746
_KEPT: Final = frozenset(
    {_DESCRIPTION, _MAKE, _MODEL, _SOFTWARE, _DATE, _ARTIST, _COPYRIGHT, _RATING}
    | {*_RESOLUTION, *_XP}
)
_EXPOSURE, _APERTURE, _ISO, _TAKEN, _FOCAL, _LENS = 0x829A, 0x829D, 0x8827, 0x9003, 0x920A, 0xA434
# Exposure, dates, light and lens; not sizes, notes of the maker or the user, nor other tables.
_KEPT_EXIF: Final = frozenset(
    {_EXPOSURE, _APERTURE, 0x8822, _ISO, 0x8830, _TAKEN, 0x9004, 0x9010, 0x9011, 0x9012}
    | {*range(0x9201, 0x920B), 0x9290, 0x9291, 0x9292, 0xA217, *range(0xA401, 0xA40B), 0xA40C}
    | {*range(0xA430, 0xA436), 0xA500}
)
_LONGEST_VALUE: Final = 4096
_MOST_VALUES: Final = 16
_LONGEST_BLOCK: Final = 2**20
_IPTC_BLOCK: Final = 0x0404
_IPTC_START: Final = b"\x1c\x02"
_BY_LINE, _IPTC_COPYRIGHT = 80, 116
_TAKEN_AT: Final = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)")
_BROKEN = (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError,
           SyntaxError, RuntimeError)  # fmt: skip


class Metadata(NamedTuple):
    """What a source says of itself, without what is never kept."""

    main: Mapping[int, Any]
    """EXIF: the picture."""
    exposure: Mapping[int, Any]
    """EXIF: how it was taken."""
    properties: Mapping[xmp.Name, xmp.Values]
    """XMP."""
    artist: str | None
    """By EXIF, XMP, IPTC or the text of a PNG: the first that has it."""
    copyright: str | None


class Written(NamedTuple):
    """What goes into a file."""

    exif: bytes = b""
    xmp: bytes = b""


def read_metadata(image: Image.Image) -> Metadata:
    """Return what an opened picture says of itself; what is broken is passed over."""
    main, exposure = _exif(image)
    properties = _properties(image)
    iptc = _iptc(image)
    text = image.info
    return Metadata(
        main,
        exposure,
        properties,
        _first(main.get(_ARTIST), properties.get(xmp.CREATOR), iptc.get(_BY_LINE), text, "Author"),
        _first(
            main.get(_COPYRIGHT),
            properties.get(xmp.RIGHTS),
            iptc.get(_IPTC_COPYRIGHT),
            text,
            "Copyright",
        ),
    )


def written(metadata: Metadata | None, kept: Kept) -> Written:
    """Return what an output carries of its source's metadata."""
    if metadata is None or kept is Kept.STRIP:
        return Written()
    main = dict(metadata.main) if kept is Kept.KEEP else {}
    exposure = metadata.exposure if kept is Kept.KEEP else {}
    properties = {
        name: values
        for name, values in metadata.properties.items()
        if kept is Kept.KEEP or name in xmp.COPYRIGHT
    }
    if metadata.artist:
        main[_ARTIST] = metadata.artist
        properties.setdefault(xmp.CREATOR, (metadata.artist,))
    if metadata.copyright:
        main[_COPYRIGHT] = metadata.copyright
        properties.setdefault(xmp.RIGHTS, (metadata.copyright,))
    return Written(_exif_bytes(main, exposure), xmp.packet(properties))


def camera_of(metadata: Metadata) -> CameraFacts | None:
    """Return how a photograph was taken; None where nothing says it."""
    main, exposure = metadata.main, metadata.exposure
    facts = CameraFacts(
        make=_text(main.get(_MAKE)),
        model=_text(main.get(_MODEL)),
        lens=_text(exposure.get(_LENS)),
        exposure_seconds=_number(exposure.get(_EXPOSURE)),
        f_number=_number(exposure.get(_APERTURE)),
        iso=_whole(exposure.get(_ISO)),
        focal_length=_number(exposure.get(_FOCAL)),
        taken_at=_time(exposure.get(_TAKEN)),
    )
    return None if facts == CameraFacts() else facts


def _exif(image: Image.Image) -> tuple[dict[int, Any], dict[int, Any]]:
    if len(image.info.get("exif") or b"") > _LONGEST_BLOCK:
        return {}, {}
    try:
        exif = image.getexif()
        return _picked(exif, _KEPT), _picked(exif.get_ifd(_EXIF_IFD), _KEPT_EXIF)
    except _BROKEN:
        return {}, {}


def _picked(tags: Mapping[int, Any], kept: frozenset[int]) -> dict[int, Any]:
    picked = {}
    for tag in kept & set(tags):
        try:
            value = tags[tag]
        except _BROKEN:
            continue
        if _is_sane(value):
            picked[tag] = value
    return picked


def _is_sane(value: object) -> bool:
    if isinstance(value, str | bytes):
        return len(value) <= _LONGEST_VALUE
    if isinstance(value, tuple):
        return len(value) <= _MOST_VALUES and all(_is_sane(each) for each in value)
    return value == value  # noqa: PLR0124  # whatever is divided by 0 is not


def _exif_bytes(main: Mapping[int, Any], exposure: Mapping[int, Any]) -> bytes:
    if not main and not exposure:
        return b""
    exif = Image.Exif()
    for tag, value in main.items():
        exif[tag] = value
    if exposure:
        exif.get_ifd(_EXIF_IFD).update(exposure)
    try:
        return exif.tobytes()
    except _BROKEN:
        return b""


def _properties(image: Image.Image) -> Mapping[xmp.Name, xmp.Values]:
    data = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    data = data.encode() if isinstance(data, str) else data
    return xmp.read(data) if isinstance(data, bytes) and len(data) <= _LONGEST_BLOCK else {}


def _iptc(image: Image.Image) -> dict[int, str]:
    """Return the values of the older way to say who made a picture (IPTC-IIM, record 2)."""
    blocks = image.info.get("photoshop")
    data = blocks.get(_IPTC_BLOCK, b"") if isinstance(blocks, dict) else b""
    found: dict[int, str] = {}
    at = data.find(_IPTC_START)
    while at >= 0 and at + 5 <= len(data):
        length = int.from_bytes(data[at + 3 : at + 5], "big")
        if length > _LONGEST_VALUE:
            break
        value = data[at + 5 : at + 5 + length].decode("utf-8", "replace")
        found.setdefault(data[at + 2], value)
        at = data.find(_IPTC_START, at + 5 + length)
    return found


def _first(
    exif: object, values: xmp.Values | None, iptc: str | None, info: Mapping[Any, Any], key: str
) -> str | None:
    """Return the first text there is."""
    named = info.get(key)
    listed = "; ".join(values) if values else None
    return _text(exif) or _text(listed) or _text(iptc) or _text(named)


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    # What cannot be printed has no place in a document, and NUL ends many texts of EXIF.
    text = "".join(c for c in value.partition("\0")[0] if c.isprintable()).strip()
    return text[:_LONGEST_VALUE] or None


def _number(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except _BROKEN:
        return None
    return round(number, 6) if 0 < number < float("inf") else None


def _whole(value: object) -> int | None:
    number = _number(value[0] if isinstance(value, tuple) and value else value)
    return None if number is None else round(number)


def _time(value: object) -> str | None:
    match = _TAKEN_AT.fullmatch(_text(value) or "")
    return "{}-{}-{}T{}".format(*match.groups()) if match else None
