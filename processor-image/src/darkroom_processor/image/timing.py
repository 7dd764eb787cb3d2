"""How many frames a moving picture has and how long each is shown, without decoding any.

Each reader walks over the file's parts by their lengths. Where a file lies or ends too early it
tells what it has seen until then: the decoder will find the damage, if anybody needs the pixels.
"""

import mmap
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from darkroom_processor.image.sniff import SourceFormat
from darkroom_processor.limits import MAX_FRAMES

_EXTENSION, _FRAME = 0x21, 0x2C
_CONTROL: Final = 0xF9
_HAS_COLORS: Final = 0x80
_TIFF_SMALL: Final = 42


def frame_times(path: str, format_: SourceFormat) -> list[int]:
    """Return how long each frame is shown, in milliseconds; a few more than MAX_FRAMES at most."""
    reader = _READERS.get(format_)
    if reader is None:
        return []
    times: list[int] = []
    with _mapped(path) as data, suppress(IndexError, struct.error):
        for time in reader(data):
            times.append(time)
            if len(times) > MAX_FRAMES:
                break
    return times


def pages_of_tiff(path: str) -> int:
    """Return how many pages a TIFF says it has, MAX_FRAMES at most."""
    seen: set[int] = set()
    with _mapped(path) as data, suppress(struct.error):
        order = "<" if data[:2] == b"II" else ">"
        is_small = struct.unpack_from(f"{order}H", data, 2)[0] == _TIFF_SMALL
        first, offset, number, entry = (4, "L", "H", 12) if is_small else (8, "Q", "Q", 20)
        (at,) = struct.unpack_from(order + offset, data, first)
        while at and at not in seen and len(seen) < MAX_FRAMES:
            (entries,) = struct.unpack_from(order + number, data, at)
            seen.add(at)
            end = at + struct.calcsize(order + number) + entries * entry
            (at,) = struct.unpack_from(order + offset, data, end)
    return max(1, len(seen))


@contextmanager
def _mapped(path: str) -> Iterator[mmap.mmap]:
    with (
        open(path, "rb") as file,  # noqa: PTH123  # pathlib is slow to import
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        yield data


def _gif(data: mmap.mmap) -> Iterator[int]:
    at = 13 + _colors(data[10])
    time = 0
    while data[at] in {_EXTENSION, _FRAME}:
        if data[at] == _FRAME:
            yield time
            time = 0
            at = _after_blocks(data, at + 11 + _colors(data[at + 9]))
            continue
        if data[at + 1] == _CONTROL:
            time = 10 * int.from_bytes(data[at + 4 : at + 6], "little")
        at = _after_blocks(data, at + 2)


def _colors(flags: int) -> int:
    """Return the length of a table of colours."""
    return 3 << ((flags & 7) + 1) if flags & _HAS_COLORS else 0


def _after_blocks(data: mmap.mmap, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1


def _png(data: mmap.mmap) -> Iterator[int]:
    at = 8
    while at < len(data):
        length, name = struct.unpack_from(">L4s", data, at)
        if name == b"fcTL":
            number, of = struct.unpack_from(">HH", data, at + 28)
            yield round(1000 * number / (of or 100))
        at += 12 + length


def _webp(data: mmap.mmap) -> Iterator[int]:
    at = 12
    while at < len(data):
        name, length = struct.unpack_from("<4sL", data, at)
        if name == b"ANMF":
            yield int.from_bytes(data[at + 20 : at + 23], "little")
        at += 8 + length + length % 2


def _avif(data: mmap.mmap) -> Iterator[int]:
    """Read the first table of sample times (stts), and the time scale of its track (mdhd)."""
    media, table = data.find(b"mdhd"), data.find(b"stts")
    if min(media, table) < 0:
        return
    (scale,) = struct.unpack_from(">L", data, media + (24 if data[media + 4] else 16))
    (entries,) = struct.unpack_from(">L", data, table + 8)
    for entry in range(min(entries, MAX_FRAMES)):
        number, ticks = struct.unpack_from(">LL", data, table + 12 + 8 * entry)
        for _ in range(min(number, MAX_FRAMES)):
            yield round(1000 * ticks / (scale or 1))


_READERS: Final[dict[SourceFormat, Callable[[mmap.mmap], Iterator[int]]]] = {
    SourceFormat.GIF: _gif,
    SourceFormat.PNG: _png,
    SourceFormat.WEBP: _webp,
    SourceFormat.AVIF: _avif,
}
