"""The right pixels are in the right places."""

from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
Run = Callable[..., list[Image.Image]]
Encoded = Callable[..., bytes]


def quarters(size: tuple[int, int] = (8, 4)) -> Image.Image:
    """Red, green / blue, white."""
    image = Image.new("RGB", (2, 2))
    image.putdata([RED, GREEN, BLUE, WHITE])
    return image.resize(size, Image.Resampling.NEAREST)


def corners(image: Image.Image) -> list[Any]:
    """Upper left, upper right, lower left, lower right."""
    image = image.convert("RGB")
    right, lower = image.width - 1, image.height - 1
    return [image.getpixel(at) for at in ((0, 0), (right, 0), (0, lower), (right, lower))]


@pytest.mark.parametrize(
    ("operations", "size", "expected"),
    [
        ([], (8, 4), [RED, GREEN, BLUE, WHITE]),
        ([{"flip": {"direction": "horizontal"}}], (8, 4), [GREEN, RED, WHITE, BLUE]),
        ([{"flip": {"direction": "vertical"}}], (8, 4), [BLUE, WHITE, RED, GREEN]),
        ([{"rotate": {"angle": 90}}], (4, 8), [BLUE, RED, WHITE, GREEN]),
        ([{"rotate": {"angle": 180}}], (8, 4), [WHITE, BLUE, GREEN, RED]),
        ([{"rotate": {"angle": -90}}], (4, 8), [GREEN, WHITE, RED, BLUE]),
        ([{"rotate": {"angle": 360}}], (8, 4), [RED, GREEN, BLUE, WHITE]),
        ([{"crop": {"x": 4, "y": 0, "width": 4, "height": 2}}], (4, 2), [GREEN] * 4),
        ([{"crop": {"y": 2, "width": 99, "height": 99}}], (8, 2), [BLUE, WHITE, BLUE, WHITE]),
        (
            [{"rotate": {"angle": 90}}, {"flip": {"direction": "vertical"}}],
            (4, 8),
            [WHITE, GREEN, BLUE, RED],
        ),
    ],
)
def test_operations_move_the_right_pixels(
    run: Run, encoded: Encoded, operations: Any, size: Any, expected: Any
) -> None:
    (image,) = run(encoded(quarters(), "PNG"), {"operations": operations})
    assert (size, expected) == (image.size, corners(image))


@pytest.mark.parametrize("source_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(
    run: Run, encoded: Encoded, orientation: int, source_format: str
) -> None:
    upright = quarters((64, 32))
    stored = upright
    undo = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    for turn in undo.get(orientation, []):
        stored = stored.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, source_format, exif=exif, quality=95)
    whole, small, cut, kept = run(
        data,
        {},
        {"operations": [{"resize": {"width": 16}}]},
        {"operations": [{"crop": {"x": 34, "y": 0, "width": 30, "height": 14}}]},
        {"autoOrient": False},
    )
    assert (whole.size, small.size) == ((64, 32), (16, 8))
    assert stored.size == kept.size
    for image in (whole, small):
        assert close(corners(upright), corners(image))
    assert close([GREEN] * 4, corners(cut))
    assert close(corners(stored), corners(kept))


def close(expected: list[Any], actual: list[Any], tolerance: int = 40) -> bool:
    pairs = zip(expected, actual, strict=True)
    return all(abs(a - b) <= tolerance for x, y in pairs for a, b in zip(x, y, strict=True))


@pytest.mark.parametrize("turn", [{"rotate": {"angle": 90}}, {"flip": {"direction": "vertical"}}])
@pytest.mark.parametrize("fit", ["fit", "cover", "contain", "pad", "stretch"])
def test_turning_before_a_resize_equals_turning_the_source(
    run: Run, encoded: Encoded, photograph: Any, turn: Any, fit: str
) -> None:
    resize = {"resize": {"width": 31, "height": 17, "fit": fit}}
    source = photograph(120, 90)
    (turned,) = run(encoded(source, "PNG"), {"operations": [turn]})
    (expected,) = run(encoded(turned, "PNG"), {"operations": [resize]})
    (actual,) = run(encoded(source, "PNG"), {"operations": [turn, resize]})
    assert expected.size == actual.size
    assert expected.convert("RGB").resize((1, 1)).getpixel((0, 0)) == pytest.approx(
        actual.convert("RGB").resize((1, 1)).getpixel((0, 0)), abs=2
    )
    assert close(corners(expected), corners(actual), 12)


def test_any_other_angle_grows_the_canvas_in_the_background_colour(
    run: Run, encoded: Encoded
) -> None:
    (image,) = run(
        encoded(Image.new("L", (40, 20), 0), "PNG"),
        {"operations": [{"rotate": {"angle": 45, "background": "#00ff00"}}]},
    )
    assert image.width > 40
    assert image.height > 20
    assert corners(image) == [GREEN] * 4
    assert image.convert("RGB").getpixel((image.width // 2, image.height // 2)) == (0, 0, 0)


def test_pad_shows_its_colour_and_contain_is_transparent(run: Run, encoded: Encoded) -> None:
    box = {"width": 20, "height": 20}
    pad, contain, jpeg = run(
        encoded(Image.new("RGB", (10, 4), RED), "PNG"),
        {"operations": [{"resize": {**box, "fit": "pad", "background": "#0000ff"}}]},
        {"operations": [{"resize": {**box, "fit": "contain"}}]},
        {"operations": [{"resize": {**box, "fit": "contain"}}], "format": "jpeg"},
    )
    assert corners(pad) == [BLUE] * 4
    assert pad.getpixel((10, 10)) == RED
    alpha = contain.getchannel("A")
    assert (alpha.getpixel((0, 0)), alpha.getpixel((10, 10))) == (0, 255)
    assert close([WHITE] * 4, corners(jpeg))


def test_grayscale_takes_the_colours_out_and_keeps_transparency(run: Run, encoded: Encoded) -> None:
    source = Image.new("RGBA", (4, 4), (255, 0, 0, 128))
    (image,) = run(encoded(source, "PNG"), {"operations": [{"grayscale": {}}]})
    red, green, blue, alpha = (band.getpixel((0, 0)) for band in image.split())
    assert (red == green == blue, alpha) == (True, 128)


def test_a_colour_after_grayscale_stays_a_colour(run: Run, encoded: Encoded) -> None:
    pad = {"resize": {"width": 8, "height": 8, "fit": "pad", "background": "#ff0000"}}
    after, before = run(
        encoded(Image.new("RGB", (8, 2), GREEN), "JPEG"),
        {"operations": [{"grayscale": {}}, pad]},
        {"operations": [pad, {"grayscale": {}}]},
    )
    assert after.convert("RGB").getpixel((0, 0)) == RED
    assert before.convert("L").getpixel((0, 0)) == pytest.approx(76, abs=2)
