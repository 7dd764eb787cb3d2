"""Moving PNGs, a frame at a time: Pillow's writer would hold all of them, and make each twice."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final

from PIL import Image, ImageChops

from darkroom_processor.image.frames import Frame

_SIGNATURE: Final = 8
_LONGEST: Final = 65_535
_KEEP, _REPLACE = 0, 0


def write(
    frames: Iterator[Frame], count: int, plays: int, encode: Callable[[Image.Image], bytes]
) -> bytes:
    """Return an APNG of the frames; `encode` makes a PNG of one."""
    file = io.BytesIO()
    before: Image.Image | None = None
    number = 0
    for image, milliseconds in frames:
        box = _changed(before, image)
        data = encode(image if before is None else image.crop(box))
        if before is None:
            _start(file, data, count, plays)
        _put(file, b"fcTL", _control(number, box, milliseconds))
        number += 1
        for name, body in _chunks(data):
            if name == b"IDAT" and before is None:
                _put(file, b"IDAT", body)
            elif name == b"IDAT":
                _put(file, b"fdAT", struct.pack(">L", number) + body)
                number += 1
        before = image
    _put(file, b"IEND", b"")
    return file.getvalue()


def _start(file: io.BytesIO, data: bytes, count: int, plays: int) -> None:
    """Write all that comes before the first picture's data."""
    file.write(data[:_SIGNATURE])
    for name, body in _chunks(data):
        if name == b"IDAT":
            break
        _put(file, name, body)
    _put(file, b"acTL", struct.pack(">LL", count, plays))


def _changed(before: Image.Image | None, image: Image.Image) -> tuple[int, int, int, int]:
    if before is None:
        return (0, 0, *image.size)
    return ImageChops.difference(before, image).getbbox(alpha_only=False) or (0, 0, 1, 1)


def _control(number: int, box: tuple[int, int, int, int], milliseconds: float) -> bytes:
    left, upper, right, lower = box
    time = min(_LONGEST, max(1, round(milliseconds)))
    return struct.pack(
        ">LLLLLHHBB", number, right - left, lower - upper, left, upper, time, 1000, _KEEP, _REPLACE
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = _SIGNATURE
    while at < len(data):
        length, name = struct.unpack_from(">L4s", data, at)
        yield name, data[at + 8 : at + 8 + length]
        at += 12 + length


def _put(file: io.BytesIO, name: bytes, body: bytes) -> None:
    file.write(struct.pack(">L", len(body)) + name + body)
    file.write(struct.pack(">L", zlib.crc32(name + body)))
