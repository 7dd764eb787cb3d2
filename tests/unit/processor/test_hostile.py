"""Files that were made to do harm, each before a processor of its own with little memory and time.

Each ends as the contract says: a report, a stable code with a sentence, never to be tried again;
or with its picture, where it is odd but can be decoded.
"""

import io
import json
import os
import resource
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from darkroom_core.exit_codes import ExitCode
from PIL import Image, TiffImagePlugin

_ADDRESS_SPACE = 1_500 * 2**20
_CPU_SECONDS = 20
_HUGE = 60_000
_PROGRAM = """
import sys
from pathlib import Path
from darkroom_processor.assignment import read_outputs
from darkroom_processor.documents import (
    AssignedFile, AssignedOutput, AssignedSource, Assignment, SignedRequest
)
from darkroom_processor.local import run

source, recipe, folder = sys.argv[1:]
nowhere = SignedRequest("")
outputs = tuple(
    AssignedOutput(output, (AssignedFile(output.name, output.format, nowhere),))
    for output in read_outputs(recipe)
)
sources = (AssignedSource(SignedRequest(source)),)
assignment = Assignment("hostile", sources=sources, outputs=outputs, facts=nowhere)
sys.exit(run(assignment, Path(folder)).exit_code)
"""
_RECIPE = [
    {"name": "small", "format": "webp", "operations": [{"resize": {"width": 32}}]},
    {"name": "copy", "format": "jpeg", "metadata": "keep"},
]


def _saved(image: Image.Image, format_: str, **settings: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **settings)
    return file.getvalue()


def _plain(format_: str, **settings: Any) -> bytes:
    return _saved(Image.new("RGB", (48, 32), (90, 120, 30)), format_, **settings)


def _chunk(name: bytes, data: bytes) -> bytes:
    check = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)


def _png(width: int, height: int, *chunks: bytes, rows: bytes = bytes(999)) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = _chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + data + _chunk(b"IEND", b"")


def _flood(megabytes: int) -> bytes:
    squeezer = zlib.compressobj(9)
    return b"".join(squeezer.compress(bytes(2**20)) for _ in range(megabytes)) + squeezer.flush()


def _gif(width: int, height: int, frames: int) -> bytes:
    frame = b"\x21\xf9\x04\0\x01\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"
    screen = struct.pack("<HH", width, height) + b"\x80\0\0\0\0\0\xff\xff\xff"
    return b"GIF89a" + screen + frame * frames + b"\x3b"


def _webp(width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + sides + b"ANIM\x06\0\0\0" + bytes(6)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _tiff(*entries: tuple[int, int, int, int], next_: int = 0) -> bytes:
    table = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    start = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries))
    return start + table + struct.pack("<I", next_) + bytes(64)


def _tiff_of(width: int, height: int, strips: int = 1, next_: int = 0) -> bytes:
    return _tiff(
        *((256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1)),
        *((262, 3, 1, 1), (273, 4, strips, 8), (277, 3, 1, 1), (279, 4, strips, 64)),
        next_=next_,
    )


def _with_sides(jpeg: bytes, width: int, height: int) -> bytes:
    at = max(jpeg.find(b"\xff\xc0"), jpeg.find(b"\xff\xc2"))
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def _avif_that_lies(width: int, height: int) -> bytes:
    data = _plain("AVIF")
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width, height) + data[at + 8 :]


def _avif_without_a_clock() -> bytes:
    """Return a moving AVIF whose seconds have no parts."""
    frames = [Image.new("RGB", (32, 32), (shade, 0, 0)) for shade in (0, 200)]
    data = bytearray(_saved(frames[0], "AVIF", save_all=True, append_images=frames[1:]))
    at = data.index(b"mdhd") + 8 + (16 if data[data.index(b"mdhd") + 4] else 8)
    data[at : at + 4] = bytes(4)
    return bytes(data)


def _heic_that_lies(width: int, height: int) -> bytes:
    data = (Path(__file__).parent / "data" / "clear.heic").read_bytes()
    parts = data.split(b"ispe")
    sides = struct.pack(">II", width, height)
    return b"ispe".join([parts[0], *(part[:4] + sides + part[12:] for part in parts[1:])])


def _icon(entry: bytes, width: int = 0) -> bytes:
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, width, width, 0, 0, 1, 32, len(entry), 22) + entry


def _with_exif(exif: bytes) -> bytes:
    plain = _plain("JPEG")
    segment = b"Exif\0\0" + exif
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + plain[2:]


def _many_scans() -> bytes:
    """Return a progressive JPEG whose last scan is there 300 times."""
    data = _saved(Image.effect_noise((600, 600), 50), "JPEG", progressive=True)
    at = data.rindex(b"\xff\xda")
    return data[:at] + data[at:-2] * 300 + data[-2:]


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("evil.sh", "rm -rf /")
    return file.getvalue()


def _bmp(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IIIIiiHHIIIIII", 118, 0, 54, 40, width, height, 1, 24, *[0] * 6)


HARMFUL: dict[str, tuple[str, Callable[[], bytes]]] = {
    "no bytes": ("unsupported_format", bytes),
    "one byte": ("unsupported_format", lambda: b"\xff"),
    "PNG bomb": ("too_many_pixels", lambda: _png(_HUGE, _HUGE)),
    "PNG of negative size": ("too_many_pixels", lambda: _png(2**32 - 1, 2**32 - 1)),
    "PNG of no size": ("corrupt_image", lambda: _png(0, 0)),
    "PNG with a text bomb": (
        "corrupt_image",
        lambda: _png(8, 8, _chunk(b"zTXt", b"Comment\0\0" + _flood(100))),
    ),
    "PNG with a profile bomb": (
        "corrupt_image",
        lambda: _png(8, 8, _chunk(b"iCCP", b"icc\0\0" + _flood(100))),
    ),
    "PNG that ends in its header": ("corrupt_image", lambda: _png(8, 8)[:20]),
    "PNG with a chunk of 4 GB": (
        "corrupt_image",
        lambda: _png(8, 8, b"\xff\xff\xff\xfftEXt" + bytes(64)),
    ),
    "GIF bomb": ("too_many_pixels", lambda: _gif(_HUGE, _HUGE, 1)),
    "GIF of many frames": ("too_many_pixels", lambda: _gif(500, 500, 3000)),
    "GIF of very many frames": ("too_many_pixels", lambda: _gif(1, 1, 50_000)),
    "GIF without a frame": ("corrupt_image", lambda: _gif(9, 9, 0)[:-1]),
    "WebP bomb": ("too_many_pixels", lambda: _webp(16_384, 16_384)),
    "WebP of nothing": ("corrupt_image", lambda: _webp(9, 9)),
    "TIFF bomb": ("too_many_pixels", lambda: _tiff_of(_HUGE, _HUGE)),
    "TIFF of strips that are not there": (
        "corrupt_image",
        lambda: _tiff_of(500, 500, strips=2**31),
    ),
    "TIFF without pixels": ("corrupt_image", lambda: _tiff_of(5000, 5000)),
    "AVIF whose header lies": ("corrupt_image", lambda: _avif_that_lies(_HUGE, _HUGE)),
    "AVIF without a clock": ("corrupt_image", _avif_without_a_clock),
    "HEIC whose header lies": ("corrupt_image", lambda: _heic_that_lies(_HUGE, _HUGE)),
    "icon with a bomb in it": ("too_many_pixels", lambda: _icon(_png(_HUGE, _HUGE))),
    "icon of itself": ("corrupt_image", lambda: _icon(_icon(_icon(b"")))),
    "BMP bomb": ("too_many_pixels", lambda: _bmp(2**31 - 1, 2**31 - 1)),
    "BMP without pixels": ("corrupt_image", lambda: _bmp(4000, -4000)),
    "JPEG bomb": ("too_many_pixels", lambda: _with_sides(_plain("JPEG"), 65_500, 65_500)),
    "progressive JPEG bomb": (
        "too_many_pixels",
        lambda: _with_sides(_plain("JPEG", progressive=True), 65_500, 65_500),
    ),
    "JPEG that ends in its header": ("corrupt_image", lambda: _plain("JPEG")[:100]),
    "EPS": ("unsupported_format", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
    "PostScript": ("unsupported_format", lambda: b"%!PS\n(/etc/passwd) (r) file\n"),
    "EPS with a preview": ("unsupported_format", lambda: b"\xc5\xd0\xd3\xc6" + bytes(99)),
    "SVG": (
        "unsupported_format",
        lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    ),
    "XML with entities": (
        "unsupported_format",
        lambda: b'<?xml version="1.0"?><!DOCTYPE a []><a/>',
    ),
    "PDF with a JPEG": ("unsupported_format", lambda: b"%PDF-1.7\nstream\n" + _plain("JPEG")),
    "WMF": ("unsupported_format", lambda: b"\xd7\xcd\xc6\x9a" + bytes(99)),
    "FITS": ("unsupported_format", lambda: b"SIMPLE  =                    T" + bytes(99)),
    "Photoshop": ("unsupported_format", lambda: b"8BPS\0\x01" + bytes(99)),
    "JPEG 2000": ("unsupported_format", lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(99)),
    "HTML": ("unsupported_format", lambda: b"<html><script>alert(1)</script>"),
    "ZIP": ("unsupported_format", _zip),
}
"""What ends with a code, by name."""

ODD: dict[str, Callable[[], bytes]] = {
    "PNG that unpacks to more than it says": lambda: _png(8, 8, rows=bytes(2**26)),
    "PNG with a ZIP behind it": lambda: _plain("PNG") + _zip(),
    "JPEG with a ZIP behind it": lambda: _plain("JPEG") + _zip(),
    "GIF with a script in it": lambda: _plain("GIF") + b"*/=1;alert(1)/*<script>",
    "JPEG with a script in its comment": lambda: _plain("JPEG", comment="<script>/*"),
    "JPEG with broken EXIF": lambda: _with_exif(b"II*\0\xff\xff\xff\xff" + bytes(20)),
    "JPEG with EXIF of a huge count": lambda: _with_exif(_tiff((0x10E, 2, 2**31 - 1, 8))),
    "JPEG with EXIF in a circle": lambda: _with_exif(_tiff((0x8769, 4, 1, 8), next_=8)),
    "JPEG with an orientation in words": lambda: _with_exif(_tiff((0x112, 2, 4, 0x61626364))),
    "JPEG with a broken profile": lambda: _plain("JPEG", icc_profile=b"\xff" * 70_000),
    "TIFF in a circle": lambda: _saved(Image.new("L", (9, 9)), "TIFF", tiffinfo=_circle()),
    "progressive JPEG of 300 scans": _many_scans,
}
"""What may well become a picture, but must not do more."""


def _circle() -> TiffImagePlugin.ImageFileDirectory_v2:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[700] = b"<x:xmpmeta>" * 1000
    return tags


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))


def ended(folder: Path, data: bytes, recipe: Any = _RECIPE) -> tuple[int, Any]:
    """Run the processor on a file that says it is a JPEG; return its exit code and report."""
    source = folder / "photo.jpg"
    source.write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(source), json.dumps(recipe), str(folder / "out")],
        env={"PATH": os.environ["PATH"], "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=_limited,  # no threads here, and nothing but limits is set
    )
    report = folder / "out" / "report.json"
    assert report.exists(), done.stderr
    return done.returncode, json.loads(report.read_text())


@pytest.mark.parametrize("name", HARMFUL)
def test_what_does_harm_ends_with_a_code_and_never_again(tmp_path: Path, name: str) -> None:
    code, make = HARMFUL[name]

    exit_code, report = ended(tmp_path, make())

    assert report["error"]["code"] == code
    assert exit_code == ExitCode.REJECTED
    assert report["error"]["retryable"] is False
    assert report["error"]["message"].endswith(".")


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_becomes_a_picture_or_ends_with_a_code(tmp_path: Path, name: str) -> None:
    exit_code, report = ended(tmp_path, ODD[name]())

    assert exit_code in {ExitCode.DONE, ExitCode.REJECTED}, report
    for output in report.get("outputs", []):
        made = next((tmp_path / "out").glob(f"{output['name']}.*")).read_bytes()
        assert b"script" not in made
        assert b"evil.sh" not in made


def test_memory_that_is_not_to_be_had_ends_with_its_code(tmp_path: Path) -> None:
    """The header is harmless; what is asked for takes more than there is."""
    large = {"resize": {"width": 7800, "height": 7800, "fit": "stretch", "enlarge": True}}
    turn = {"rotate": {"angle": 10.0}}
    recipe = [
        {"name": f"o{at}", "format": "png", "operations": [large, turn, {"blur": {"sigma": 1.0}}]}
        for at in range(3)
    ]

    exit_code, report = ended(tmp_path, _plain("PNG"), recipe)

    assert report["error"]["code"] == "out_of_memory"
    assert exit_code == ExitCode.REJECTED
