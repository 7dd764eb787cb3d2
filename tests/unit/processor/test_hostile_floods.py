"""Small files that unfold into floods: for each a processor whose memory and time are counted.

Each is harmless by its header, or says less than it has.
"""

import io
import json
import os
import random
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from darkroom_core.exit_codes import ExitCode
from PIL import Image, ImageCms

_ADDRESS_SPACE = 1_500 * 2**20
_MOST_MEMORY = 300 * 2**20
"""Enough for a picture of some megapixels, and far from enough for what these files unfold to."""
_MOST_SECONDS = 12.0
_PROGRAM = """
import sys
from pathlib import Path
from darkroom_processor.assignment import read_outputs
from darkroom_processor.documents import (
    AssignedFile, AssignedOutput, AssignedSource, Assignment, SignedRequest
)
from darkroom_processor.local import run
from darkroom_core.vocabulary import TaskType

source, recipe, folder, type_ = sys.argv[1:]
nowhere = SignedRequest("")
outputs = tuple(
    AssignedOutput(output, (AssignedFile(output.name, output.format, nowhere),))
    for output in read_outputs(recipe)
)
sources = (AssignedSource(SignedRequest(source)),)
assignment = Assignment("flood", TaskType(type_), sources, outputs=outputs, facts=nowhere)
sys.exit(run(assignment, Path(folder)).exit_code)
"""
_RECIPE = [
    {"name": "small", "format": "webp", "operations": [{"resize": {"width": 32}}]},
    {"name": "copy", "format": "jpeg", "metadata": "keep"},
    {"name": "moving", "format": "gif", "operations": [{"resize": {"width": 16}}]},
]


class Ended(NamedTuple):
    """How a processor ended, and what it took."""

    exit_code: int
    report: Any
    peak: int
    seconds: float
    """Of CPU."""
    made: dict[str, bytes]


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))


def ended(folder: Path, data: bytes, recipe: Any = None, type_: str = "Image") -> Ended:
    """Run the processor on a file that says it is a JPEG."""
    source, out = folder / "photo.jpg", folder / "out"
    source.write_bytes(data)
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, source, json.dumps(recipe or _RECIPE), out, type_],
        env={"PATH": os.environ["PATH"], "TMPDIR": str(folder)},
        stdout=subprocess.DEVNULL,
        preexec_fn=_limited,  # noqa: PLW1509  # one limit is set, and nothing is locked
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    file = out / "report.json"
    assert file.exists(), process.returncode
    report = json.loads(file.read_text())
    return Ended(
        process.returncode,
        report,
        report["peakMemoryBytes"],  # the kernel's figure would begin with what the parent had
        usage.ru_utime + usage.ru_stime,
        {path.stem: path.read_bytes() for path in out.iterdir() if path != file},
    )


def _saved(image: Image.Image, format_: str, **settings: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **settings)
    return file.getvalue()


def _plain(format_: str, **settings: Any) -> bytes:
    return _saved(Image.new("RGB", (48, 32), (90, 120, 30)), format_, **settings)


def _chunk(name: bytes, data: bytes) -> bytes:
    check = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)


def _png(side: int, before: bytes, *, depth: int = 8, data: bytes = b"") -> bytes:
    """Return a grey PNG with chunks before its pixels."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, depth, 0, 0, 0, 0))
    rows = _chunk(b"IDAT", data or zlib.compress(bytes((side + 1) * side)))
    return b"\x89PNG\r\n\x1a\n" + header + before + rows + _chunk(b"IEND", b"")


def _flood(megabytes: int, unit: bytes = b"\0") -> bytes:
    squeezer = zlib.compressobj(9)
    block = unit * (2**20 // len(unit))
    return b"".join(squeezer.compress(block) for _ in range(megabytes)) + squeezer.flush()


def _segments(marker: int, *bodies: bytes) -> bytes:
    """Return a JPEG with segments before all others."""
    plain = _plain("JPEG")
    parts = (b"\xff" + bytes([marker]) + struct.pack(">H", len(b) + 2) + b for b in bodies)
    return plain[:2] + b"".join(parts) + plain[2:]


def _apng(frames: int, side: int = 8) -> bytes:
    data = zlib.compress(bytes((side + 1) * side))
    parts = [_chunk(b"acTL", struct.pack(">LL", frames, 0))]
    control = struct.pack(">LLLLHHBB", side, side, 0, 0, 1, 100, 0, 0)
    parts.append(_chunk(b"fcTL", struct.pack(">L", 0) + control))
    parts.append(_chunk(b"IDAT", data))
    for at in range(frames - 1):
        parts.append(_chunk(b"fcTL", struct.pack(">L", 2 * at + 1) + control))
        parts.append(_chunk(b"fdAT", struct.pack(">L", 2 * at + 2) + data))
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(parts) + _chunk(b"IEND", b"")


def _moving_webp(frames: int, side: int) -> bytes:
    """Return a WebP whose one frame is there so many times."""
    pictures = [Image.new("RGB", (side, side), color) for color in ("red", "blue")]
    data = _saved(pictures[0], "WEBP", save_all=True, append_images=pictures[1:], lossless=True)
    at = data.index(b"ANMF")
    frame = data[at : at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")]
    body = data[12:at] + frame * frames
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _gif(side: int, frames: int, comment: bytes = b"") -> bytes:
    frame = b"\x21\xf9\x04\0\x01\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"
    screen = struct.pack("<HH", side, side) + b"\x80\0\0\0\0\0\xff\xff\xff"
    return b"GIF89a" + screen + comment + frame * frames + b"\x3b"


def _tiff(entries: Sequence[tuple[int, int, int, int]], behind: bytes = b"") -> bytes:
    table = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    start = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries))
    return start + table + struct.pack("<I", 0) + behind


def _tiff_bomb() -> bytes:
    """Return a small TIFF whose one strip unfolds to hundreds of megabytes."""
    strip = _flood(300)
    usual = [
        *((256, 4, 1, 64), (257, 4, 1, 64), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1)),
        *((277, 3, 1, 1), (278, 4, 1, 64), (279, 4, 1, len(strip))),
    ]
    return _tiff([*usual, (273, 4, 1, 10 + 12 * 9 + 4)], strip)


def _many_pages(count: int) -> bytes:
    """Return a TIFF of tables that have nothing in them."""
    tables = b"".join(struct.pack("<HI", 0, 14 + 6 * at) for at in range(count))
    return b"II*\0" + struct.pack("<I", 8) + tables


def _exif_of_many(count: int) -> bytes:
    """Return EXIF whose tags have 64 kB each, all the same ones."""
    return _tiff([(0x8000 + at, 1, 60_000, 0) for at in range(count)], bytes(100))


def _nested(depth: int) -> bytes:
    space = b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    return b"<rdf:RDF " + space + b">" + b"<a>" * depth + b"</a>" * depth + b"</rdf:RDF>"


def _described(depth: int) -> bytes:
    spaces = (
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
        b' xmlns:dc="http://purl.org/dc/elements/1.1/">'
    )
    titles = b"<dc:title>a</dc:title>" * 20_000
    inner = b"<rdf:Description>" * depth + titles + b"</rdf:Description>" * depth
    return spaces + inner + b"</rdf:RDF>"


def _xmp(packet: bytes) -> bytes:
    return b"http://ns.adobe.com/xap/1.0/\0" + packet


_ENTITIES = (
    b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + at, b"&%c;" % (97 + at) * 30) for at in range(9))
    + b"]><a>&j;</a>"
)


def _profile_with_entries(count: int) -> bytes:
    """Return a profile whose table of tags says that it is endless."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return plain[:128] + struct.pack(">I", count) + plain[132:]


def _profile_parts(count: int, each: int) -> bytes:
    """Return a JPEG with an ICC profile in so many parts."""
    return _segments(
        0xE2, *(b"ICC_PROFILE\0" + bytes([at % 255 + 1, 255]) + bytes(each) for at in range(count))
    )


REJECTED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "PNG whose profile unfolds": (
        "corrupt_image",
        lambda: _png(8, _chunk(b"iCCP", b"icc\0\0" + _flood(400))),
    ),
    "PNG whose international text unfolds": (
        "corrupt_image",
        lambda: _png(8, _chunk(b"iTXt", b"Comment\0\x01\0\0\0" + _flood(400, b"a"))),
    ),
    "PNG whose many texts unfold": (
        "corrupt_image",
        lambda: _png(8, _chunk(b"zTXt", b"Comment\0\0" + _flood(1, b"a")) * 200),
    ),
    "APNG of very many frames": ("too_many_pixels", lambda: _apng(20_000)),
    "WebP of thousands of frames": ("too_many_pixels", lambda: _moving_webp(3000, 200)),
    "WebP of very many frames": ("too_many_pixels", lambda: _moving_webp(11_000, 1)),
    "JPEG of millions of EXIF blocks": (
        "corrupt_image",
        lambda: _segments(0xE1, *[b"Exif\0\0ab"] * 700_000),
    ),
    "JPEG with megabytes of EXIF": (
        "corrupt_image",
        lambda: _segments(0xE1, *[b"Exif\0\0" + bytes(60_000)] * 700),
    ),
    "JPEG of millions of comments": ("corrupt_image", lambda: _segments(0xFE, *[b"ab"] * 10**6)),
    "JPEG that is filled up": ("corrupt_image", lambda: b"\xff\xd8" + b"\xff" * 2**24),
    "JPEG with junk before its pixels": (
        "corrupt_image",
        lambda: b"\xff\xd8\xff\xfe\0\2" + bytes(2**24) + _plain("JPEG")[2:],
    ),
    "GIF of millions of comments": (
        "corrupt_image",
        lambda: _gif(8, 1, b"\x21\xfe\x02ab\0" * 10**6),
    ),
    "GIF with a comment in millions of blocks": (
        "corrupt_image",
        lambda: _gif(8, 1, b"\0\x21\xfe" + b"\x01a" * (4 * 10**6) + b"\0"),
    ),
    "PNG of millions of chunks": (
        "corrupt_image",
        lambda: _png(8, _chunk(b"prVt", b"") * 10**6),
    ),
    "PNG of millions of empty rows": (
        "corrupt_image",
        lambda: _png(8, _chunk(b"IDAT", b"") * 10**6),
    ),
    "GIF of thousands of large frames": ("too_many_pixels", lambda: _gif(2000, 9_000)),
}
"""What ends with a code, by name."""

TAKEN: dict[str, Callable[[], bytes]] = {
    "APNG that says it has four thousand million frames": lambda: _png(
        8, _chunk(b"acTL", struct.pack(">LL", 2**32 - 1, 0))
    ),
    "PNG with XMP of descriptions in each other": lambda: _png(
        8, _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + _described(12_000))
    ),
    "JPEG with long XMP in many parts": lambda: _segments(
        0xE1, *[b"http://ns.adobe.com/xmp/extension/\0" + bytes(60_000)] * 150
    ),
    "PNG whose pixels unfold to more than it has": lambda: _png(8, b"", data=_flood(400)),
    "PNG of many small texts": lambda: _png(8, _chunk(b"tEXt", b"a\0b") * 100_000),
    "APNG of fewer frames than it says": lambda: _png(
        8, _chunk(b"acTL", struct.pack(">LL", 5000, 0))
    ),
    "GIF of a thousand small frames": lambda: _gif(64, 1000),
    "GIF with a comment of megabytes": lambda: _gif(
        64, 1, b"\x21\xfe" + (b"\xff" + bytes(range(255))) * 40_000 + b"\0"
    ),
    "JPEG with thousands of comments": lambda: _segments(0xFE, *[b"a" * 1000] * 5000),
    "JPEG with thousands of EXIF blocks": lambda: _segments(
        0xE1, *[b"Exif\0\0" + _exif_of_many(50)] * 3000
    ),
    "JPEG with a profile in thousands of parts": lambda: _profile_parts(1000, 60_000),
    "JPEG with a profile of endless tags": lambda: _plain(
        "JPEG", icc_profile=_profile_with_entries(2**32 - 1)
    ),
    "JPEG with EXIF tags upon each other": lambda: _segments(
        0xE1, b"Exif\0\0" + _exif_of_many(5000)
    ),
    "JPEG with XMP of deep nesting": lambda: _segments(0xE1, _xmp(_nested(8_000))),
    "PNG with XMP of very deep nesting": lambda: _png(
        8, _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + _nested(140_000))
    ),
    "JPEG with entities of entities": lambda: _segments(0xE1, _xmp(_ENTITIES)),
    "JPEG with thousands of Photoshop blocks": lambda: _segments(
        0xED, *[b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\0" * 5000] * 100
    ),
    "JPEG that is repeated": lambda: _plain("JPEG") * 20_000,
    "TIFF whose strip unfolds": _tiff_bomb,
    "TIFF of a hundred thousand pages": lambda: _many_pages(100_000),
    "WebP with EXIF that is noise": lambda: _plain(
        "WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + random.Random(1).randbytes(2**20)
    ),
    "WebP with a profile of megabytes": lambda: _plain("WEBP", icc_profile=bytes(2**24)),
}
"""What may well become a picture, but takes no more memory or time than one."""


def _within_limits(end: Ended) -> None:
    assert end.peak < _MOST_MEMORY, f"{end.peak // 2**20} MiB"
    assert end.seconds < _MOST_SECONDS


@pytest.mark.parametrize("name", REJECTED)
def test_a_flood_is_refused_within_memory_and_time(tmp_path: Path, name: str) -> None:
    code, make = REJECTED[name]

    end = ended(tmp_path, make())

    assert (end.exit_code, end.report["error"]["code"]) == (ExitCode.REJECTED, code)
    assert end.report["error"]["message"].endswith(".")
    _within_limits(end)


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken_costs_no_more_than_a_picture(tmp_path: Path, name: str) -> None:
    end = ended(tmp_path, TAKEN[name]())

    assert end.exit_code in {ExitCode.DONE, ExitCode.REJECTED}, end.report
    _within_limits(end)
