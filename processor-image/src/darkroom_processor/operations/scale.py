"""Resize and crop: a part of a picture, brought to a size."""

from typing import Final

from darkroom_core.vocabulary import Filter, Fit
from PIL import Image
from PIL.Image import Resampling

from darkroom_processor.documents import Crop, Resize
from darkroom_processor.errors import Code, Rejected
from darkroom_processor.limits import check_output_pixels
from darkroom_processor.operations.canvas import TRANSPARENT, put_on
from darkroom_processor.operations.context import Context
from darkroom_processor.operations.geometry import Box, Placement, Size, place, window
from darkroom_processor.operations.modes import color_of, editable, premultiplied, straight

REDUCING_GAP: Final = 3.0
"""Whole pixels are averaged first, down to so many times the size; less would be seen."""


def resize(image: Image.Image, resize: Resize, context: Context) -> Image.Image:
    """Return the picture resized."""
    placement = place(resize, *image.size)
    check_output_pixels(placement.result, context.pixels)
    image = scaled(image, placement.size, resize.filter, placement.box)
    return on_canvas(image, resize, placement)


def scaled(image: Image.Image, size: Size, filter_: Filter, box: Box) -> Image.Image:
    """Return a part of a picture in a new size; what is transparent lends no colour to the rest."""
    if box == (0, 0, *image.size) == (0, 0, *size):
        return image
    method = Resampling[filter_.name]
    if image.mode.startswith("I;16"):  # averaging whole pixels is not written for these
        return image.resize(size, method, box)
    if method is Resampling.NEAREST:
        return image.resize(size, method, box)
    return straight(premultiplied(image).resize(size, method, box, REDUCING_GAP))


def on_canvas(image: Image.Image, resize: Resize, placement: Placement) -> Image.Image:
    """Return the picture on its canvas, where the fit has one."""
    if placement.canvas is None:
        return image
    color = TRANSPARENT if resize.fit is Fit.CONTAIN else color_of(resize.background)
    if placement.canvas == image.size and (image.mode != "RGBA" or resize.fit is Fit.CONTAIN):
        return image
    return put_on(placement.canvas, color, editable(image), placement.at)


def crop(image: Image.Image, crop: Crop, _: Context) -> Image.Image:
    """Return the part of the rectangle that lies inside the picture; raises Rejected for none."""
    return image.crop(window_inside(crop, image.size))


def window_inside(crop: Crop, size: Size) -> tuple[int, int, int, int]:
    """Return the rectangle of a crop; raises Rejected where it lies outside the picture."""
    left, upper, right, lower = window(crop, *size)
    if left >= right or upper >= lower:
        raise Rejected(
            Code.CROP_OUTSIDE,
            f"The crop at {crop.x or 0}, {crop.y or 0} lies outside the picture, which is "
            f"{size[0]} x {size[1]} pixels at that point. Move it inside.",
        )
    return left, upper, right, lower
