"""Putting a picture on a canvas of one colour: extend, border, flatten, pad and contain."""

from typing import Final

from PIL import Image

from darkroom_processor.documents import Border, Extend, Flatten
from darkroom_processor.limits import check_output_pixels
from darkroom_processor.operations.context import Context
from darkroom_processor.operations.geometry import Size
from darkroom_processor.operations.modes import OPAQUE, Rgba, able_to_hold, color_of, ink

TRANSPARENT: Final[Rgba] = (255, 255, 255, 0)
_MOST: Final = 2**15


def extend(image: Image.Image, extend: Extend, context: Context) -> Image.Image:
    """Return the picture with space around it."""
    top, right, bottom, left = (max(0, min(_MOST, side)) for side in extend[:4])
    size = (image.width + left + right, image.height + top + bottom)
    check_output_pixels(size, context.pixels)
    return put_on(size, color_of(extend.background), image, (left, top))


def border(image: Image.Image, border: Border, context: Context) -> Image.Image:
    """Return the picture in a frame."""
    width = max(1, min(_MOST, border.width))
    size = (image.width + 2 * width, image.height + 2 * width)
    check_output_pixels(size, context.pixels)
    return put_on(size, color_of(border.color), image, (width, width))


def flatten(image: Image.Image, flatten: Flatten, _: Context) -> Image.Image:
    """Return the picture without transparency."""
    if image.mode != "RGBA":
        return image
    return put_on(image.size, (*color_of(flatten.background)[:3], OPAQUE), image, (0, 0))


def put_on(size: Size, color: Rgba, image: Image.Image, at: Size) -> Image.Image:
    """Return a canvas of a size and colour, with the picture on it.

    On an opaque canvas nothing is transparent; on a translucent one the picture lies above its
    colour.
    """
    if color[3] < OPAQUE:
        canvas = Image.new("RGBA", size, color)
        if image.mode == "RGBA":
            canvas.alpha_composite(image, at)
        else:
            canvas.paste(image, at)
        return canvas
    image = able_to_hold(image, color)
    mode = "RGB" if image.mode == "RGBA" else image.mode
    canvas = Image.new(mode, size, ink(color, mode))
    canvas.paste(image, at, image if image.mode == "RGBA" else None)
    return canvas
