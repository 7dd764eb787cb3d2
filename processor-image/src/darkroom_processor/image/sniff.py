"""What a file is, by its first bytes: the formats that are taken, and no others.

A file's name and the type that somebody declared are never asked.
"""

from enum import StrEnum
from typing import Final

from darkroom_processor.errors import Code, Rejected

MAGIC_LENGTH: Final = 64
"""So many bytes tell every format apart; an AVIF or HEIC names its brands in them."""

_BMP_HEADERS: Final = frozenset({12, 40, 52, 56, 64, 108, 124})
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_HEIC_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"}
)


class SourceFormat(StrEnum):
    """The formats that a source may have."""

    JPEG = "jpeg"
    PNG = "png"
    """Also APNG."""
    WEBP = "webp"
    GIF = "gif"
    TIFF = "tiff"
    BMP = "bmp"
    AVIF = "avif"
    ICO = "ico"
    HEIC = "heic"
    """Any HEIF file whose pictures are coded as HEVC."""


_MAGIC: Final = (
    (b"\xff\xd8\xff", SourceFormat.JPEG),
    (b"\x89PNG\r\n\x1a\n", SourceFormat.PNG),
    ((b"GIF87a", b"GIF89a"), SourceFormat.GIF),
    ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), SourceFormat.TIFF),
)


def sniffed_format(start: bytes) -> SourceFormat:
    """Return the format that a file's first bytes say; raises Rejected for any other."""
    found = _by_magic(start) or _by_brand(start)
    if found is None:
        names = ", ".join(format_.value.upper() for format_ in SourceFormat)
        raise Rejected(
            Code.UNSUPPORTED_FORMAT,
            f"The source is none of {names}, whatever its name says. Convert it to one of these "
            "and send it again.",
        )
    return found


def _by_magic(start: bytes) -> SourceFormat | None:
    for magic, format_ in _MAGIC:
        if start.startswith(magic):
            return format_
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return SourceFormat.WEBP
    if start.startswith(b"BM") and int.from_bytes(start[14:18], "little") in _BMP_HEADERS:
        return SourceFormat.BMP
    if start.startswith(b"\0\0\1\0") and start[4:6] != b"\0\0" and start[9:10] == b"\0":
        return SourceFormat.ICO
    return None


def _by_brand(start: bytes) -> SourceFormat | None:
    """Return what an ISO base media file says of itself, in its first box."""
    if start[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(start[:4], "big"), len(start))
    brands = {start[8:12], *(start[at : at + 4] for at in range(16, end - 3, 4))}
    if brands & _AVIF_BRANDS:
        return SourceFormat.AVIF
    return SourceFormat.HEIC if brands & _HEIC_BRANDS else None
