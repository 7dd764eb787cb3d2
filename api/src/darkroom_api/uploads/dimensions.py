"""How large a picture is, by its header, from the bounded head of a file.

Pure and short on purpose: the API opens no pictures. None is said wherever the header does not
say it in the head, and then the processor decides, which reads all of it in its own container.
"""

import struct
from collections.abc import Callable
from typing import Final

from darkroom_api.uploads.sniff import FileFormat

Size = tuple[int, int]

_NO_FRAME: Final = frozenset({0xC4, 0xC8, 0xCC})
_TIFF_SHORT: Final = 3
_TIFF_WIDTH: Final = 256
_TIFF_HEIGHT: Final = 257
_OLD_BMP: Final = 12
_MOST_BOXES: Final = 64


def dimensions(format_: FileFormat, head: bytes) -> Size | None:
    """Return width and height in pixels, if the head says them."""
    parse = _PARSERS.get(format_)
    if parse is None:
        return None
    try:
        size = parse(head)
    except (struct.error, IndexError):
        return None
    return size if size and size[0] > 0 and size[1] > 0 else None


def _png(head: bytes) -> Size | None:
    return struct.unpack_from(">II", head, 16) if head[12:16] == b"IHDR" else None


def _gif(head: bytes) -> Size:
    return struct.unpack_from("<HH", head, 6)


def _bmp(head: bytes) -> Size:
    if struct.unpack_from("<I", head, 14)[0] == _OLD_BMP:
        return struct.unpack_from("<HH", head, 18)
    width, height = struct.unpack_from("<ii", head, 18)
    return abs(width), abs(height)


def _jpeg(head: bytes) -> Size | None:
    at = 2
    while at + 9 <= len(head):
        if head[at] != 0xFF:  # noqa: PLR2004  # every marker begins so
            return None
        marker = head[at + 1]
        if marker == 0xFF:  # noqa: PLR2004  # a filling byte
            at += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # noqa: PLR2004  # without a length
            at += 2
            continue
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:  # noqa: PLR2004
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        at += 2 + struct.unpack_from(">H", head, at + 2)[0]
    return None


def _webp(head: bytes) -> Size | None:
    match head[12:16]:
        case b"VP8X":
            return _little(head, 24, 3) + 1, _little(head, 27, 3) + 1
        case b"VP8L":
            bits = _little(head, 21, 4)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", head, 26)
            return width & 0x3FFF, height & 0x3FFF
        case _:
            return None


def _little(head: bytes, at: int, length: int) -> int:
    if at + length > len(head):
        raise IndexError
    return int.from_bytes(head[at : at + length], "little")


def _tiff(head: bytes) -> Size | None:
    order = "<" if head.startswith(b"II") else ">"
    if struct.unpack_from(order + "H", head, 2)[0] != 42:  # noqa: PLR2004  # BigTIFF is rare
        return None
    at = struct.unpack_from(order + "I", head, 4)[0]
    found: dict[int, int] = {}
    for number in range(struct.unpack_from(order + "H", head, at)[0]):
        entry = at + 2 + 12 * number
        tag, kind = struct.unpack_from(order + "HH", head, entry)
        if tag in {_TIFF_WIDTH, _TIFF_HEIGHT}:
            form = "H" if kind == _TIFF_SHORT else "I"
            found[tag] = struct.unpack_from(order + form, head, entry + 8)[0]
    if len(found) < 2:  # noqa: PLR2004  # both
        return None
    return found[_TIFF_WIDTH], found[_TIFF_HEIGHT]


def _boxed(head: bytes) -> Size | None:
    """Return the largest of the pictures' sizes (ispe) in meta/iprp/ipco."""
    place = range(len(head))
    for name, skipped in ((b"meta", 4), (b"iprp", 0), (b"ipco", 0)):
        found = [inner for kind, inner in _boxes(head, place) if kind == name]
        if not found:
            return None
        place = range(found[0].start + skipped, found[0].stop)
    sizes = [
        struct.unpack_from(">II", head, inner.start + 4)
        for kind, inner in _boxes(head, place)
        if kind == b"ispe"
    ]
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def _boxes(head: bytes, place: range) -> list[tuple[bytes, range]]:
    found: list[tuple[bytes, range]] = []
    at = place.start
    while at + 8 <= min(place.stop, len(head)) and len(found) < _MOST_BOXES:
        length, kind = struct.unpack_from(">I4s", head, at)
        if length < 8:  # noqa: PLR2004  # its own head
            break
        found.append((kind, range(at + 8, min(at + length, place.stop))))
        at += length
    return found


_PARSERS: Final[dict[FileFormat, Callable[[bytes], Size | None]]] = {
    FileFormat.JPEG: _jpeg,
    FileFormat.PNG: _png,
    FileFormat.WEBP: _webp,
    FileFormat.GIF: _gif,
    FileFormat.TIFF: _tiff,
    FileFormat.BMP: _bmp,
    FileFormat.AVIF: _boxed,
    FileFormat.HEIC: _boxed,
}
