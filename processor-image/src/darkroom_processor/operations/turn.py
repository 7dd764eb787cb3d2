"""Turning and mirroring: by quarters, where pixels only move, and by any angle."""

import math
from collections.abc import Sequence
from typing import Final

from darkroom_core.vocabulary import FlipDirection
from PIL import Image
from PIL.Image import Resampling, Transform, Transpose

from darkroom_processor.documents import Flip, Operation, Rotate
from darkroom_processor.limits import check_output_pixels
from darkroom_processor.operations.canvas import put_on
from darkroom_processor.operations.context import Context
from darkroom_processor.operations.geometry import Box, Size, rotated_size, whole_turn
from darkroom_processor.operations.modes import (
    OPAQUE,
    able_to_hold,
    color_of,
    editable,
    ink,
    solid,
)

ORIENTATIONS: Final = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""What turns a picture of each EXIF orientation upright."""
_QUARTERS: Final[dict[float, Transpose]] = {
    90: Transpose.ROTATE_270,
    180: Transpose.ROTATE_180,
    270: Transpose.ROTATE_90,
}
_SWAPPING: Final = {
    Transpose.ROTATE_90,
    Transpose.ROTATE_270,
    Transpose.TRANSPOSE,
    Transpose.TRANSVERSE,
}
_SEAM: Final = 2
"""Pixels that are put around what is turned by any angle: as far as the filter looks."""


def flip(image: Image.Image, flip: Flip, _: Context) -> Image.Image:
    """Return the picture mirrored."""
    return image.transpose(_mirror(flip.direction))


def rotate(image: Image.Image, rotate: Rotate, context: Context) -> Image.Image:
    """Return the picture turned clockwise; the canvas grows where the angle is no quarter turn."""
    angle = whole_turn(rotate.angle)
    if angle == 0:
        return image
    if angle in _QUARTERS:
        return image.transpose(_QUARTERS[angle])
    check_output_pixels(rotated_size(*image.size, angle), context.pixels)
    colors, alpha = _turned(editable(image), angle)
    background = color_of(rotate.background)
    if background[3] < OPAQUE:
        return put_on(colors.size, background, _joined(colors, alpha), (0, 0))
    colors = able_to_hold(colors, background)
    canvas = Image.new(colors.mode, colors.size, ink(background, colors.mode))
    canvas.paste(colors, (0, 0), alpha)
    return canvas


def turned_by(image: Image.Image, angle: float) -> Image.Image:
    """Return a picture turned clockwise by any angle, on a transparent canvas that holds it."""
    return _joined(*_turned(image, angle))


def _joined(colors: Image.Image, alpha: Image.Image) -> Image.Image:
    joined = colors.convert("RGBA")
    joined.putalpha(alpha)
    return joined


def _turned(image: Image.Image, angle: float) -> tuple[Image.Image, Image.Image]:
    """Return an L, RGB or RGBA picture's colours and what is opaque, both turned.

    Turned together the colours would swing at every edge of what is opaque.
    """
    is_clear = image.mode == "RGBA"
    colors = solid(image, _SEAM) if is_clear else image
    alpha = image.getchannel("A") if is_clear else Image.new("L", image.size, OPAQUE)
    # The seam makes the edges smooth: colours go on in it, and nothing is opaque.
    seamed = (image.width + 2 * _SEAM, image.height + 2 * _SEAM)
    wide = colors.resize(seamed, Resampling.NEAREST)
    wide.paste(colors, (_SEAM, _SEAM))
    clear = Image.new("L", seamed)
    clear.paste(alpha, (_SEAM, _SEAM))
    size = rotated_size(*image.size, angle)
    backwards = _backwards(seamed, size, angle)
    return (
        wide.transform(size, Transform.AFFINE, backwards, Resampling.BICUBIC),
        clear.transform(size, Transform.AFFINE, backwards, Resampling.BILINEAR),
    )


def _backwards(before: Size, after: Size, angle: float) -> tuple[float, ...]:
    """Return where each pixel of a turned picture was, as Pillow wants to know it."""
    sine, cosine = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    return (
        cosine,
        sine,
        (before[0] - cosine * after[0] - sine * after[1]) / 2,
        -sine,
        cosine,
        (before[1] + sine * after[0] - cosine * after[1]) / 2,
    )


def turns_of(operation: Operation) -> tuple[Transpose, ...] | None:
    """Return an operation as transpositions; None where it is something else.

    Such an operation may as well be done after a resize, on a smaller picture.
    """
    if operation.flip:
        return (_mirror(operation.flip.direction),)
    if operation.rotate and (angle := whole_turn(operation.rotate.angle)) % 90 == 0:
        return (_QUARTERS[angle],) if angle else ()
    return None


def swaps_sides(turns: Sequence[Transpose]) -> bool:
    """Whether width and height change places in the end."""
    return sum(turn in _SWAPPING for turn in turns) % 2 == 1


def before(turns: Sequence[Transpose], box: Box, width: float, height: float) -> Box:
    """Return where a part of the turned picture was before its turns.

    `width` and `height` are those of the picture before them.
    """
    sizes = [(width, height)]
    for turn in turns:
        sizes.append(sizes[-1][::-1] if turn in _SWAPPING else sizes[-1])
    for turn, size in zip(reversed(turns), reversed(sizes[:-1]), strict=True):
        box = _before(turn, box, *size)
    return box


def _before(turn: Transpose, box: Box, width: float, height: float) -> Box:
    left, upper, right, lower = box
    if turn in _SWAPPING:
        left, upper, right, lower = upper, left, lower, right
    if turn in {
        Transpose.FLIP_LEFT_RIGHT,
        Transpose.ROTATE_180,
        Transpose.TRANSVERSE,
        Transpose.ROTATE_90,
    }:
        left, right = width - right, width - left
    if turn in {
        Transpose.FLIP_TOP_BOTTOM,
        Transpose.ROTATE_180,
        Transpose.TRANSVERSE,
        Transpose.ROTATE_270,
    }:
        upper, lower = height - lower, height - upper
    return left, upper, right, lower


def size_after(turns: Sequence[Transpose], width: int, height: int) -> Size:
    """Return a picture's size after its turns."""
    return (height, width) if swaps_sides(turns) else (width, height)


def _mirror(direction: FlipDirection) -> Transpose:
    if direction is FlipDirection.HORIZONTAL:
        return Transpose.FLIP_LEFT_RIGHT
    return Transpose.FLIP_TOP_BOTTOM
