"""Profiles, depths and the ways in which files say their colours."""

import struct
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from darkroom_processor.errors import Code, Rejected
from PIL import Image, ImageCms

Run = Callable[..., list[Image.Image]]
Encoded = Callable[..., bytes]


@cache  # a profile has the second in it in which it was made
def swapped_profile() -> bytes:
    """An RGB profile in which red and green have changed places: easy to see when it is used."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile.replace(b"rXYZ", b"tmpX").replace(b"gXYZ", b"rXYZ").replace(b"tmpX", b"gXYZ")
    return profile.replace("sRGB".encode("utf-16-be"), "SWAP".encode("utf-16-be"))


@pytest.mark.parametrize("format_", ["jpeg", "png", "webp", "avif", "tiff"])
def test_a_profile_is_kept_with_the_pixels_that_it_is_for(
    run: Run, encoded: Encoded, format_: str
) -> None:
    data = encoded(Image.new("RGB", (16, 16), (250, 5, 5)), "PNG", icc_profile=swapped_profile())
    kept, converted = run(data, {"format": format_, "colorProfile": "keep"}, {"format": format_})
    assert kept.info["icc_profile"] == swapped_profile()
    assert kept.convert("RGB").getpixel((8, 8)) == pytest.approx((250, 5, 5), abs=6)
    assert converted.info.get("icc_profile") is None
    assert converted.convert("RGB").getpixel((8, 8)) == pytest.approx((5, 250, 5), abs=6)


@pytest.mark.parametrize("format_", ["gif", "bmp", "ico"])
def test_a_format_without_profiles_gets_srgb(run: Run, encoded: Encoded, format_: str) -> None:
    data = encoded(Image.new("RGB", (16, 16), (250, 5, 5)), "PNG", icc_profile=swapped_profile())
    (image,) = run(data, {"format": format_, "colorProfile": "keep"})
    assert image.convert("RGB").getpixel((8, 8)) == pytest.approx((5, 250, 5), abs=6)


@pytest.mark.parametrize("source", ["PNG", "TIFF"])
def test_sixteen_bits_stay_where_there_is_room(run: Run, encoded: Encoded, source: str) -> None:
    image = Image.new("I;16", (16, 16), 32_900)
    data = encoded(image, source)
    resize = {"resize": {"width": 8}}
    made = run(
        data,
        {"operations": [resize]},
        {"format": "tiff", "operations": [resize]},
        {"format": "png", "depth": 8},
        {"format": "jpeg"},
        {"format": "webp"},
    )
    assert [each.mode for each in made[:2]] == ["I;16", "I;16"]
    assert [each.getpixel((4, 4)) for each in made[:2]] == [32_900, 32_900]
    for each in made[2:]:
        assert each.convert("L").getpixel((4, 4)) == pytest.approx(128, abs=1)


def test_eight_bits_of_grey_are_spread_over_sixteen(run: Run, encoded: Encoded) -> None:
    data = encoded(Image.new("L", (8, 8), 255), "PNG")
    (image,) = run(data, {"depth": 16})
    assert (image.mode, image.getpixel((4, 4))) == ("I;16", 65_535)


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [("F", 0.5, 128), ("F", 200.0, 200), ("I", 40_000, 156), ("I", 3_000_000, 255), ("F", -5.0, 0)],
)
def test_deep_grey_is_scaled_not_cut(
    run: Run, encoded: Encoded, mode: str, value: Any, expected: int
) -> None:
    (image,) = run(encoded(Image.new(mode, (8, 8), value), "TIFF"), {"format": "bmp"})
    assert image.convert("L").getpixel((4, 4)) == pytest.approx(expected, abs=1)


def test_lab_becomes_rgb(run: Run, encoded: Encoded) -> None:
    lab = ImageCms.profileToProfile(
        Image.new("RGB", (8, 8), (200, 40, 40)),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    assert lab is not None
    (image,) = run(encoded(lab, "TIFF"), {})
    assert image.getpixel((4, 4)) == pytest.approx((200, 40, 40), abs=4)


@pytest.mark.parametrize("source", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb_in_every_format(run: Run, encoded: Encoded, source: str) -> None:
    data = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), source)
    for image in run(data, *({"format": each} for each in ("png", "avif", "gif", "tiff", "bmp"))):
        assert image.convert("RGB").getpixel((8, 8)) == pytest.approx((255, 0, 0), abs=12)


def test_a_profile_that_unpacks_to_a_flood_is_refused(run: Run, encoded: Encoded) -> None:
    data = encoded(Image.new("RGB", (8, 8)), "PNG")
    body = b"iCCP" + b"p\0\0" + zlib.compress(bytes(80_000_000), 9)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    with pytest.raises(Rejected) as refused:
        run(data[:33] + chunk + data[33:], {})
    assert refused.value.code is Code.CORRUPT_IMAGE


@pytest.mark.parametrize("length", [0, 1, 127, 131, 200])
def test_a_profile_of_nonsense_is_passed_over(run: Run, encoded: Encoded, length: int) -> None:
    profile = swapped_profile()[:length] or b"\0"
    data = encoded(Image.new("RGB", (8, 8), (9, 99, 199)), "PNG", icc_profile=profile)
    for keeps in ("srgb", "keep"):
        (image,) = run(data, {"colorProfile": keeps})
        assert image.getpixel((4, 4)) == (9, 99, 199)
