"""The operations of a recipe: a picture in, a picture out. Nothing here does any IO."""

from collections.abc import Sequence

from darkroom_core.vocabulary import Fit, FlipDirection
from PIL import Image
from PIL.Image import Resampling, Transpose

from darkroom_processor.documents import Crop, Operation, Resize, Rotate
from darkroom_processor.errors import Code, Rejected
from darkroom_processor.limits import check_output_pixels
from darkroom_processor.operations.geometry import Placement, place, rotated_size

ORIENTATIONS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""What turns a picture of each EXIF orientation upright."""

_QUARTERS: dict[float, Transpose] = {
    90: Transpose.ROTATE_270,
    180: Transpose.ROTATE_180,
    270: Transpose.ROTATE_90,
}
_SWAPPING = {
    Transpose.ROTATE_90,
    Transpose.ROTATE_270,
    Transpose.TRANSPOSE,
    Transpose.TRANSVERSE,
}


def apply(image: Image.Image, operations: Sequence[Operation], limit: int) -> Image.Image:
    """Return the picture after all operations; none may make one of more than `limit` pixels."""
    for operation in operations:
        image = _applied(image, operation, limit)
    return image


def _applied(image: Image.Image, operation: Operation, limit: int) -> Image.Image:
    if operation.resize:
        return resized(image, operation.resize, limit)
    if operation.crop:
        return cropped(image, operation.crop)
    if operation.rotate:
        return rotated(image, operation.rotate, limit)
    if operation.flip:
        return image.transpose(_mirror(operation.flip.direction))
    return grayscale(image)


def resized(image: Image.Image, resize: Resize, limit: int) -> Image.Image:
    """Return the picture resized."""
    placement = place(resize, *image.size)
    check_output_pixels(placement.result, limit)
    image = image.resize(placement.size, Resampling.LANCZOS, box=placement.box, reducing_gap=3.0)
    return on_canvas(image, resize, placement)


def on_canvas(image: Image.Image, resize: Resize, placement: Placement) -> Image.Image:
    """Return the picture centred on its canvas, where the fit has one."""
    if placement.canvas is None or placement.canvas == image.size:
        return image
    left = (placement.canvas[0] - image.width) // 2
    upper = (placement.canvas[1] - image.height) // 2
    if resize.fit is Fit.CONTAIN:
        canvas = Image.new("RGBA", placement.canvas, (255, 255, 255, 0))
        canvas.paste(image, (left, upper))
        return canvas
    color = _rgb(resize.background)
    image = _able_to_hold(image, color)
    opaque = "RGB" if image.mode == "RGBA" else image.mode
    canvas = Image.new(opaque, placement.canvas, color if opaque == "RGB" else color[0])
    canvas.paste(image, (left, upper), image if image.mode == "RGBA" else None)
    return canvas


def cropped(image: Image.Image, crop: Crop) -> Image.Image:
    """Return the part of the rectangle that lies inside the picture; raises Rejected for none."""
    x, y = crop.x or 0, crop.y or 0
    left, upper = max(0, x), max(0, y)
    right = min(image.width, x + (crop.width or image.width))
    lower = min(image.height, y + (crop.height or image.height))
    if left >= right or upper >= lower:
        raise Rejected(
            Code.CROP_OUTSIDE,
            f"The crop at {x}, {y} lies outside the picture, which is {image.width} x "
            f"{image.height} pixels at that point. Move it inside.",
        )
    return image.crop((left, upper, right, lower))


def rotated(image: Image.Image, rotate: Rotate, limit: int) -> Image.Image:
    """Return the picture turned clockwise; the canvas grows where the angle is no quarter turn."""
    angle = round(rotate.angle) % 360 if rotate.angle.is_integer() else rotate.angle % 360
    if angle == 0:
        return image
    if angle in _QUARTERS:
        return image.transpose(_QUARTERS[angle])
    check_output_pixels(rotated_size(*image.size, angle), limit)
    color = _rgb(rotate.background)
    image = _able_to_hold(image, color)
    # As many values as the picture has bands: grey, or red, green, blue and opaque.
    fill = (*color, 255)[: len(image.getbands())]
    return image.rotate(-angle, Resampling.BICUBIC, expand=True, fillcolor=fill)


def grayscale(image: Image.Image) -> Image.Image:
    """Return the picture without colours; what is transparent stays so."""
    if image.mode == "RGBA":
        return image.convert("LA").convert("RGBA")
    return image.convert("L")


def turn_of(operation: Operation) -> tuple[Transpose, ...] | None:
    """Return an operation as transpositions (none for grayscale); None where it is something else.

    Such an operation may as well be done after a resize, on a smaller picture.
    """
    if operation.grayscale is not None:
        return ()
    if operation.flip:
        return (_mirror(operation.flip.direction),)
    if operation.rotate and operation.rotate.angle % 90 == 0:
        angle = round(operation.rotate.angle) % 360
        return (_QUARTERS[angle],) if angle else ()
    return None


def swaps_sides(turns: Sequence[Transpose]) -> bool:
    """Whether width and height change places in the end."""
    return sum(turn in _SWAPPING for turn in turns) % 2 == 1


def _mirror(direction: FlipDirection) -> Transpose:
    if direction is FlipDirection.HORIZONTAL:
        return Transpose.FLIP_LEFT_RIGHT
    return Transpose.FLIP_TOP_BOTTOM


def _rgb(color: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(color.removeprefix("#").rjust(6, "0")[:6])
    return red, green, blue


def _able_to_hold(image: Image.Image, color: tuple[int, int, int]) -> Image.Image:
    is_grey = color[0] == color[1] == color[2]
    return image.convert("RGB") if image.mode == "L" and not is_grey else image
