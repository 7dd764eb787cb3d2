"""Cutting a picture to a round shape: what is cut off is transparent."""

from typing import Final

from PIL import Image, ImageChops, ImageDraw

from darkroom_processor.documents import Circle, RoundCorners
from darkroom_processor.operations.context import Context

_FINE: Final = 4
"""Edges are drawn this many times as large, and averaged: that makes them smooth."""
_LARGE: Final = 4096
"""Masks are not drawn larger than this: a step of one pixel is not seen there."""


def round_corners(image: Image.Image, round_corners: RoundCorners, _: Context) -> Image.Image:
    """Return the picture with round corners."""
    radius = max(1, min(round_corners.radius, min(image.size) // 2))
    corner = _ellipse((2 * radius, 2 * radius))
    mask = Image.new("L", image.size, 255)
    right, lower = image.width - radius, image.height - radius
    for left, upper, x, y in (
        (0, 0, 0, 0),
        (radius, 0, right, 0),
        (0, radius, 0, lower),
        (radius, radius, right, lower),
    ):
        mask.paste(corner.crop((left, upper, left + radius, upper + radius)), (x, y))
    return _cut(image, mask)


def circle(image: Image.Image, _circle: Circle, _: Context) -> Image.Image:
    """Return the largest circle in the picture or, where it is not square, ellipse."""
    return _cut(image, _ellipse(image.size))


def _ellipse(size: tuple[int, int]) -> Image.Image:
    fine = max(1, min(_FINE, _LARGE // max(size)))
    large = (size[0] * fine, size[1] * fine)
    mask = Image.new("L", large)
    ImageDraw.Draw(mask).ellipse((0, 0, large[0] - 1, large[1] - 1), fill=255)
    return mask.reduce(fine) if fine > 1 else mask


def _cut(image: Image.Image, mask: Image.Image) -> Image.Image:
    if image.mode == "RGBA":
        mask = ImageChops.multiply(mask, image.getchannel("A"))
    cut = image.convert("RGBA") if image.mode != "RGBA" else image.copy()
    cut.putalpha(mask)
    return cut
