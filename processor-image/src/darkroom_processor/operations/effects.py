"""Operations that look at a pixel's neighbours. Transparent pixels lend them no colour."""

from typing import Final

from PIL import Image, ImageFilter

from darkroom_processor.documents import Blur, Pixelate, Sharpen, Unsharp
from darkroom_processor.operations.context import Context
from darkroom_processor.operations.geometry import clamped
from darkroom_processor.operations.modes import premultiplied, solid, straight

_SHARPEN_RADIUS: Final = 0.8
_SHARPEN_PERCENT: Final = 70


def blur(image: Image.Image, blur: Blur, _: Context) -> Image.Image:
    """Return the picture blurred."""
    sigma = clamped(blur.sigma, 0, 250)
    return straight(premultiplied(image).filter(ImageFilter.GaussianBlur(sigma)))


def sharpen(image: Image.Image, sharpen: Sharpen, _: Context) -> Image.Image:
    """Return the picture a little sharper."""
    percent = round(_SHARPEN_PERCENT * clamped(sharpen.amount, 0, 10))
    return _sharper(image, ImageFilter.UnsharpMask(_SHARPEN_RADIUS, percent, 0))


def unsharp(image: Image.Image, unsharp: Unsharp, _: Context) -> Image.Image:
    """Return the picture sharpened by an unsharp mask."""
    radius = clamped(unsharp.radius, 0.1, 100)
    percent = round(clamped(unsharp.percent, 1, 500))
    threshold = round(clamped(unsharp.threshold, 0, 255))
    return _sharper(image, ImageFilter.UnsharpMask(radius, percent, threshold))


def _sharper(image: Image.Image, mask: ImageFilter.UnsharpMask) -> Image.Image:
    if image.mode != "RGBA":
        return image.filter(mask)
    sharp = solid(image, mask.radius * 3).filter(mask)
    sharp.putalpha(image.getchannel("A"))
    return sharp


def pixelate(image: Image.Image, pixelate: Pixelate, _: Context) -> Image.Image:
    """Return the picture made of large squares; those at the right and lower edge may be cut."""
    side = round(clamped(pixelate.size, 2, 1024))
    squares = image.reduce(side)
    large = (squares.width * side, squares.height * side)
    return squares.resize(large, Image.Resampling.NEAREST).crop((0, 0, *image.size))
