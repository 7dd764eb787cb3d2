"""How many parts a file has, before anything reads them: millions of tiny ones are a bomb.

Pillow keeps each comment, chunk or segment as an object many times its size, and joins blocks of
EXIF one by one. What is walked over here is what Pillow walks over, junk between parts included.
"""

import mmap
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from darkroom_processor.errors import Code, Rejected
from darkroom_processor.image.sniff import SourceFormat
from darkroom_processor.limits import MAX_FRAMES

_MOST_PARTS: Final = 100_000
"""Beside a GIF's frames, before a JPEG's pixels, or in all of a PNG: 800 MB with the usual 8 KiB of
pixels in each."""
_MOST_EXIF: Final = 4 * 2**20
_EACH: Final = 1024
"""What a block of EXIF counts beside its length: joining many costs the square of their number."""
_START_OF_SCAN, _APP1, _FILL = 0xDA, 0xE1, 0xFF
_ALONE: Final = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})
"""Markers that no length follows."""
_EXTENSION, _FRAME, _END = 0x21, 0x2C, 0x3B
_HAS_COLORS: Final = 0x80


def check_parts(path: str, format_: SourceFormat) -> None:
    """Raise Rejected where a file has more parts than any program would write."""
    walk = _WALKS.get(format_)
    if walk is None:
        return
    with (
        open(path, "rb") as file,  # noqa: PTH123  # pathlib is slow to import
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        # Where a file ends too early, the decoder finds it out.
        suppress(IndexError, struct.error),
    ):
        for number, _ in enumerate(walk(data)):
            if number >= _MOST_PARTS:
                raise Rejected(
                    Code.CORRUPT_IMAGE,
                    f"The source has more than {_MOST_PARTS:,} parts beside its pixels, as no "
                    "program writes them. Save it anew.",
                )


def _segments(data: mmap.mmap) -> Iterator[int]:
    """Yield where each segment before the first scan begins, and each byte between them."""
    at, exif = 2, 0
    while True:
        yield at
        if data[at] != _FILL:
            at += 1
            continue
        marker = data[at + 1]
        if marker == _START_OF_SCAN:
            return
        if marker == _FILL:
            at += 1
            continue
        if marker in _ALONE:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker == _APP1 and data[at + 4 : at + 8] == b"Exif":
            exif += length + _EACH
            if exif > _MOST_EXIF:
                raise Rejected(
                    Code.CORRUPT_IMAGE,
                    f"The source has more than {_MOST_EXIF // 2**20} MiB of EXIF. Save it without.",
                )
        at += 2 + max(2, length)


def _chunks(data: mmap.mmap) -> Iterator[int]:
    at = 8
    while True:
        yield at
        length, name = struct.unpack_from(">L4s", data, at)
        if name == b"IEND":
            return
        at += 12 + length


def _blocks(data: mmap.mmap) -> Iterator[int]:
    """Yield where each block that is no frame's begins, and each byte between them."""
    at, frames = 13 + _colors(data[10]), 0
    while data[at] != _END:
        if data[at] == _FRAME:
            frames += 1
            # These are refused by their number, whatever else there is.
            if frames > MAX_FRAMES:
                return
            at += 11 + _colors(data[at + 9])
            while data[at]:
                at += data[at] + 1
            at += 1
            continue
        if data[at] == _EXTENSION:
            at += 2
            while data[at]:
                yield at
                at += data[at] + 1
        yield at
        at += 1


def _colors(flags: int) -> int:
    """Return the length of a table of colours."""
    return 3 << ((flags & 7) + 1) if flags & _HAS_COLORS else 0


_WALKS: Final[dict[SourceFormat, Callable[[mmap.mmap], Iterator[int]]]] = {
    SourceFormat.JPEG: _segments,
    SourceFormat.PNG: _chunks,
    SourceFormat.GIF: _blocks,
}
