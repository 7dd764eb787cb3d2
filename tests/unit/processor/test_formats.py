"""Formats, transparency, colour spaces and metadata."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageCms, PngImagePlugin

Run = Callable[..., list[Image.Image]]
Encoded = Callable[..., bytes]


def pixel(image: Image.Image, at: tuple[int, int] = (4, 4)) -> Any:
    """One value for each band."""
    return image.getpixel(at)


@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP"])
def test_each_format_becomes_each_other(run: Run, encoded: Encoded, source: str) -> None:
    data = encoded(Image.new("RGB", (20, 10), (200, 100, 50)), source)
    made = run(data, {"format": "jpeg"}, {"format": "png"}, {"format": "webp"})
    assert [image.format for image in made] == ["JPEG", "PNG", "WEBP"]
    for image in made:
        assert image.convert("RGB").getpixel((5, 5)) == pytest.approx((200, 100, 50), abs=4)


@pytest.mark.parametrize("source", ["PNG", "WEBP"])
def test_transparency_is_kept_or_laid_on_white(run: Run, encoded: Encoded, source: str) -> None:
    data = encoded(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), source)
    jpeg, png, webp = run(data, {"format": "jpeg"}, {"format": "png"}, {"format": "webp"})
    assert jpeg.getpixel((4, 4)) == pytest.approx((255, 255, 255), abs=2)
    assert pixel(png, (4, 4))[3] == 0
    assert pixel(webp, (4, 4))[3] == 0


def test_a_palette_with_a_transparent_colour_becomes_transparent(
    run: Run, encoded: Encoded
) -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.paste(0, (0, 0, 4, 8))
    (made,) = run(encoded(image, "PNG", transparency=0), {})
    assert (pixel(made, (0, 0))[3], made.getpixel((7, 7))) == (0, (0, 255, 0, 255))


@pytest.mark.parametrize(("mode", "value", "expected"), [("1", 1, 255), ("LA", (90, 255), 90)])
def test_odd_modes_come_out_sane(
    run: Run, encoded: Encoded, mode: str, value: Any, expected: int
) -> None:
    jpeg, small = run(
        encoded(Image.new(mode, (8, 8), value), "PNG"),
        {"format": "jpeg"},
        {"operations": [{"resize": {"width": 4}}]},
    )
    assert jpeg.convert("L").getpixel((4, 4)) == pytest.approx(expected, abs=2)
    assert small.convert("L").getpixel((2, 2)) == pytest.approx(expected, abs=2)


def test_sixteen_bits_of_grey_become_eight(run: Run, encoded: Encoded) -> None:
    image = Image.new("I;16", (8, 8), 32_896)
    made, jpeg = run(encoded(image, "PNG"), {"depth": 8}, {"format": "jpeg"})
    assert (made.mode, made.getpixel((4, 4))) == ("L", 128)
    assert jpeg.getpixel((4, 4)) == pytest.approx(128, abs=1)


def test_cmyk_becomes_rgb(run: Run, encoded: Encoded) -> None:
    data = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95)
    whole, small = run(data, {}, {"operations": [{"resize": {"width": 4}}], "format": "webp"})
    for image in (whole, small):
        assert image.mode == "RGB"
        assert image.getpixel((2, 2)) == pytest.approx((255, 0, 0), abs=12)


def swapped_profile() -> bytes:
    """An RGB profile in which red and green have changed places: easy to see when it is used."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile.replace(b"rXYZ", b"tmpX").replace(b"gXYZ", b"rXYZ").replace(b"tmpX", b"gXYZ")
    return profile.replace("sRGB".encode("utf-16-be"), "SWAP".encode("utf-16-be"))


@pytest.mark.parametrize("operations", [[], [{"resize": {"width": 4}}]])
def test_an_embedded_profile_is_brought_to_srgb_and_left_out(
    run: Run, encoded: Encoded, operations: Any
) -> None:
    for mode, color in (("RGB", (255, 0, 0)), ("RGBA", (255, 0, 0, 255))):
        data = encoded(Image.new(mode, (16, 16), color), "PNG", icc_profile=swapped_profile())
        for image in run(data, {"operations": operations}, {"format": "webp", "lossless": True}):
            assert pixel(image, (2, 2))[:3] == pytest.approx((0, 255, 0), abs=3)
            assert "icc_profile" not in image.info


def test_a_broken_profile_is_passed_over(run: Run, encoded: Encoded) -> None:
    data = encoded(Image.new("RGB", (8, 8), (9, 99, 199)), "PNG", icc_profile=b"no profile" * 20)
    (image,) = run(data, {})
    assert image.getpixel((4, 4)) == (9, 99, 199)


@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP"])
def test_metadata_is_left_out(run: Run, encoded: Encoded, source: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SECRETCAMERA"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 0.0)
    settings: dict[str, Any] = {"exif": exif, "xmp": b"<x:xmpmeta>SECRETPLACE</x:xmpmeta>"}
    if source == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", "SECRETTEXT")
        text.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>SECRETPLACE</x:xmpmeta>")
        settings = {"exif": exif, "pnginfo": text, "dpi": (300, 300)}
    if source == "JPEG":
        settings |= {"comment": b"SECRETTEXT", "dpi": (300, 300)}
    data = encoded(Image.new("RGB", (16, 16), (1, 2, 3)), source, **settings)
    assert b"SECRET" in data
    for operations in ([], [{"resize": {"width": 8}}], [{"crop": {"width": 4, "height": 4}}]):
        recipe = {"operations": operations}
        for image in run(data, *({**recipe, "format": f} for f in ("jpeg", "png", "webp"))):
            assert not dict(image.getexif())
            assert not {"exif", "xmp", "comment", "Comment", "dpi"} & image.info.keys()


def test_encoder_settings_reach_the_encoder(run: Run, encoded: Encoded, photograph: Any) -> None:
    data = encoded(photograph(200, 100), "PNG")
    progressive, lossless, png = run(
        data,
        {"format": "jpeg", "progressive": True, "quality": 30},
        {"format": "webp", "lossless": True},
        {},
    )
    assert progressive.info["progressive"] == 1
    assert lossless.convert("RGB").tobytes() == png.convert("RGB").tobytes()


def test_two_pictures_in_one_jpeg_are_no_trouble(run: Run, encoded: Encoded) -> None:
    frames = [Image.new("RGB", (64, 64), color) for color in ((255, 0, 0), (0, 255, 0))]
    data = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:])
    (image,) = run(data, {"operations": [{"resize": {"width": 8}}], "format": "jpeg"})
    assert (image.format, image.size) == ("JPEG", (8, 8))


def test_png_text_that_unpacks_to_a_flood_is_refused_as_damage(encoded: Encoded, run: Run) -> None:
    from darkroom_processor.errors import Code, Rejected  # noqa: PLC0415

    data = encoded(Image.new("L", (4, 4)), "PNG")
    body = b"zTXt" + b"k\0\0" + zlib.compress(bytes(80_000_000), 9)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    with pytest.raises(Rejected) as refused:
        run(data[:33] + chunk + data[33:], {})
    assert refused.value.code is Code.CORRUPT_IMAGE
    assert io.BytesIO(data).read(8) == b"\x89PNG\r\n\x1a\n"
