"""Metadata: what is kept, and that a place never is."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

Run = Callable[..., list[Image.Image]]
Encoded = Callable[..., bytes]
PLACE = ("PLACEXMP", "PLACENOTE", "PLACETEXT", "PLACECITY", "PLACECOVER", "PLACETHUMB")
XMP = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:cc="http://creativecommons.org/ns#"
 exif:GPSLatitude="PLACEXMP" photoshop:City="PLACECITY" xmp:CreatorTool="Tool">
<dc:rights><rdf:Alt>
<rdf:li xml:lang="x-default">All rights &lt;mine&gt;</rdf:li></rdf:Alt></dc:rights>
<dc:creator><rdf:Seq><rdf:li>Ada</rdf:li><rdf:li>Bob</rdf:li></rdf:Seq></dc:creator>
<dc:coverage>PLACECOVER</dc:coverage><cc:license rdf:resource="https://licence.example/by"/>
<exif:GPSLongitude>PLACEXMP</exif:GPSLongitude>
<xmp:Thumbnails><rdf:Alt><rdf:li>PLACETHUMB</rdf:li></rdf:Alt></xmp:Thumbnails>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>"""
GPS_IFD, EXIF_IFD = 0x8825, 0x8769


def tags() -> Image.Exif:
    """EXIF with a camera, an author, and the place in as many corners as there are."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker", "Camera"
    exif[0x013B], exif[0x8298] = "Ada", "2026 Ada"
    exif[0x0112] = 6
    exif.get_ifd(GPS_IFD).update({1: "N", 2: (52.0, 31.0, 12.0), 29: "2026:01:01"})
    exif.get_ifd(EXIF_IFD).update(
        {
            0x829A: 0.01,
            0x8827: 200,
            0x9003: "2026:01:02 03:04:05",
            0xA434: "Lens",
            0x927C: b"PLACENOTE",
            0x9286: b"PLACETEXT",
        }
    )
    return exif


def source(encoded: Encoded, format_: str) -> bytes:
    settings: dict[str, Any] = {"exif": tags(), "xmp": XMP.encode()}
    if format_ == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", XMP)
        text.add_text("Location", "PLACETEXT")
        settings = {"exif": tags(), "pnginfo": text}
    if format_ == "TIFF":
        exif = tags()
        exif[700] = XMP.encode()
        # Its writer looks for these before it asks for the tables themselves.
        exif[GPS_IFD] = exif[EXIF_IFD] = 0
        settings = {"exif": exif}
    image = Image.new("RGB", (32, 16), (1, 2, 3))
    data = encoded(image, format_, **settings)
    assert b"PLACEXMP" in data
    return data


def made_in(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in (folder / "outputs").iterdir()]


@pytest.mark.parametrize("kept", ["strip", "copyright", "keep"])
@pytest.mark.parametrize("source_format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_a_place_never_survives(
    run: Run, encoded: Encoded, tmp_path: Path, source_format: str, kept: str
) -> None:
    formats = ["jpeg", "png", "webp", "avif", "tiff", "gif", "bmp", "ico"]
    recipe: list[dict[str, Any]] = [{"format": each, "metadata": kept} for each in formats]
    recipe += [{**each, "operations": [{"resize": {"width": 8}}]} for each in recipe]
    for image in run(source(encoded, source_format), *recipe):
        exif = image.getexif()
        assert GPS_IFD not in exif
        assert not exif.get_ifd(GPS_IFD)
        assert exif.get(0x0112, 1) == 1
    for data in made_in(tmp_path):
        assert not [word for word in PLACE if word.encode() in data]


def test_a_heic_leaves_its_place_behind(run: Run) -> None:
    data = (Path(__file__).parent / "data" / "turned.heic").read_bytes()
    for image in run(data, *({"format": each, "metadata": "keep"} for each in ("jpeg", "avif"))):
        assert image.getexif()[0x013B] == "Ada"
        assert not image.getexif().get_ifd(GPS_IFD)


@pytest.mark.parametrize("kept", ["strip", "copyright", "keep"])
@pytest.mark.parametrize("source_format", ["PNG", "WEBP", "AVIF"])
def test_no_place_moves_along(
    run: Run, encoded: Encoded, tmp_path: Path, source_format: str, kept: str
) -> None:
    frames = [Image.new("RGB", (16, 8), (100 * n, 0, 0)) for n in range(2)]
    settings: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": 100}
    exif = tags()
    exif[0x0112] = 1
    data = encoded(frames[0], source_format, exif=exif, xmp=XMP.encode(), **settings)
    moving = ["gif", "webp", "png", "avif"]
    for image in run(data, *({"format": each, "metadata": kept} for each in moving)):
        assert image.n_frames == 2  # type: ignore[attr-defined]
        assert not image.getexif().get_ifd(GPS_IFD)
        is_kept = kept != "strip" and image.format != "GIF"
        assert image.getexif().get(0x013B) == ("Ada" if is_kept else None)
    for made in made_in(tmp_path):
        assert not [word for word in PLACE if word.encode() in made]


FORMATS = ["jpeg", "png", "webp", "avif", "tiff"]


@pytest.mark.parametrize("source_format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_copyright_keeps_who_made_it_and_nothing_else(
    run: Run, encoded: Encoded, source_format: str
) -> None:
    recipe = [{"format": each, "metadata": "copyright"} for each in FORMATS]
    for image in run(source(encoded, source_format), *recipe):
        exif = image.getexif()
        assert (exif[0x013B], exif[0x8298]) == ("Ada", "2026 Ada")
        assert 0x010F not in exif
        assert not exif.get_ifd(EXIF_IFD)
        xmp = packet(image)
        assert "All rights &lt;mine&gt;" in xmp
        assert "<rdf:li>Bob</rdf:li>" in xmp
        assert "https://licence.example/by" in xmp
        assert "Tool" not in xmp


@pytest.mark.parametrize("source_format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_keep_keeps_how_it_was_taken(run: Run, encoded: Encoded, source_format: str) -> None:
    recipe = [{"format": each, "metadata": "keep"} for each in FORMATS]
    for image in run(source(encoded, source_format), *recipe):
        exif = image.getexif()
        assert (exif[0x010F], exif[0x0110]) == ("Maker", "Camera")
        assert "<xmp:CreatorTool>Tool</xmp:CreatorTool>" in packet(image)
        if image.format == "TIFF":
            continue  # its writer has no room for how it was taken
        exposure = exif.get_ifd(EXIF_IFD)
        assert (exposure[0x8827], exposure[0xA434]) == (200, "Lens")
        assert float(exposure[0x829A]) == pytest.approx(0.01)


def packet(image: Image.Image) -> str:
    data = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    return data.decode() if isinstance(data, bytes) else str(data)


def test_iptc_says_who_made_it_too(run: Run, encoded: Encoded) -> None:
    def entry(number: int, text: bytes) -> bytes:
        return b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(text)) + text

    iptc = entry(80, b"Carla") + entry(90, b"PLACECITY") + entry(116, "© Carla".encode())
    block = b"8BIM\x04\x04\0\0" + struct.pack(">L", len(iptc)) + iptc + b"\0" * (len(iptc) % 2)
    body = b"Photoshop 3.0\0" + block
    data = encoded(Image.new("RGB", (16, 16)), "JPEG")
    data = data[:2] + b"\xff\xed" + struct.pack(">H", len(body) + 2) + body + data[2:]
    (image,) = run(data, {"format": "jpeg", "metadata": "copyright"})
    assert image.getexif()[0x013B] == "Carla"
    assert "© Carla" in packet(image)
    assert "PLACECITY" not in packet(image)


@pytest.mark.parametrize(
    "xmp",
    [
        b"no xml",
        b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>",
        b"\xff\xfe<\0",
        b"<a/>" * 300_000,
    ],
)
def test_broken_xmp_is_passed_over(run: Run, encoded: Encoded, xmp: bytes) -> None:
    data = encoded(Image.new("RGB", (8, 8)), "WEBP", xmp=xmp, exif=tags())
    (image,) = run(data, {"format": "jpeg", "metadata": "keep"})
    assert image.getexif()[0x013B] == "Ada"


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x0f\x01\x02\0\xff\xff\xff\x7f\0\0\0\0" * 40,
        b"Exif\0\0MM\0*\xff\xff\xff\xff",
        b"Exif\0\0nonsense",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0",
    ],
)
def test_absurd_exif_is_passed_over(run: Run, encoded: Encoded, exif: bytes) -> None:
    data = encoded(Image.new("RGB", (8, 8), (9, 9, 9)), "JPEG", exif=exif)
    for kept in ("strip", "copyright", "keep"):
        (image,) = run(data, {"metadata": kept})
        assert image.getpixel((4, 4)) == pytest.approx((9, 9, 9), abs=2)
