"""Operations that look at a pixel's neighbours. Transparent pixels lend them no colour."""

from typing import Final

from PIL import Image, ImageFilter

from darkroom_processor.documents import Blur, Pixelate, Sharpen, Unsharp
from darkroom_processor.operations.context import Context
from darkroom_processor.operations.modes import premultiplied, solid, straight

_SHARPEN_RADIUS: Final = 0.8
_SHARPEN_PERCENT: Final = 70


def blur(image: Image.Image, blur: Blur, _: Context) -> Image.Image:
    """Return the picture blurred."""
    sigma = min(250.0, max(0.0, blur.sigma))
    return straight(premultiplied(image).filter(ImageFilter.GaussianBlur(sigma)))


def sharpen(image: Image.Image, sharpen: Sharpen, _: Context) -> Image.Image:
    """Return the picture a little sharper."""
    percent = round(_SHARPEN_PERCENT * min(10.0, max(0.0, sharpen.amount)))
    return _sharper(image, ImageFilter.UnsharpMask(_SHARPEN_RADIUS, percent, 0))


def unsharp(image: Image.Image, unsharp: Unsharp, _: Context) -> Image.Image:
    """Return the picture sharpened by an unsharp mask."""
    radius = min(100.0, max(0.1, unsharp.radius))
    percent = min(500, max(1, unsharp.percent))
    threshold = min(255, max(0, unsharp.threshold))
    return _sharper(image, ImageFilter.UnsharpMask(radius, percent, threshold))


def _sharper(image: Image.Image, mask: ImageFilter.UnsharpMask) -> Image.Image:
    if image.mode != "RGBA":
        return image.filter(mask)
    sharp = solid(image, mask.radius * 2).filter(mask)
    sharp.putalpha(image.getchannel("A"))
    return sharp


def pixelate(image: Image.Image, pixelate: Pixelate, _: Context) -> Image.Image:
    """Return the picture made of large squares; those at the right and lower edge may be cut."""
    side = min(1024, max(2, pixelate.size))
    squares = image.reduce(side)
    large = (squares.width * side, squares.height * side)
    return squares.resize(large, Image.Resampling.NEAREST).crop((0, 0, *image.size))
