"""What looks at pixels to decide, and what it decides: operations that no longer look."""

from typing import Final

from darkroom_core.vocabulary import Fit, Gravity
from PIL import Image

from darkroom_processor.documents import Crop, Operation, Point, Trim
from darkroom_processor.operations.geometry import Size, place, window
from darkroom_processor.operations.modes import color_of, editable, premultiplied

SMART: Final = frozenset({Gravity.ENTROPY, Gravity.ATTENTION})
LOOKED_AT: Final = 96
"""Smart crops look at a picture of this long side at most, however large it is."""


def looks(operation: Operation) -> bool:
    """Whether an operation's effect depends on more than its settings and the picture's size."""
    normalize = operation.normalize
    return bool(
        operation.trim
        or (normalize and (normalize.black is None or normalize.white is None))
        or smart_gravity_of(operation)
    )


def smart_gravity_of(operation: Operation) -> Gravity | None:
    """Return the gravity by which pixels say what stays, where they do."""
    crop, resize = operation.crop, operation.resize
    if crop and crop.gravity in SMART and not crop.focus and (crop.x is None or crop.y is None):
        return crop.gravity
    if resize and resize.gravity in SMART and not resize.focus and resize.fit is Fit.COVER:
        return resize.gravity
    return None


def decided(operation: Operation, image: Image.Image, size: Size | None = None) -> Operation:
    """Return the operation with what a picture's pixels decide written into it.

    `size` is the picture's own where `image` is a smaller one of it.
    """
    if not looks(operation):
        return operation
    image = editable(image)
    if operation.trim:
        return Operation(crop=_trimmed(operation.trim, image))
    if operation.normalize:
        from darkroom_processor.operations.tone import levels  # noqa: PLC0415  # seldom needed

        normalize = operation.normalize
        black, white = levels(image, normalize.cutoff)
        black = black if normalize.black is None else normalize.black
        white = white if normalize.white is None else normalize.white
        return Operation(normalize=normalize._replace(black=black, white=white))
    return _focused(operation, image, size or image.size)


def _focused(operation: Operation, image: Image.Image, size: Size) -> Operation:
    from darkroom_processor.operations.saliency import focus_of  # noqa: PLC0415  # seldom needed

    gravity = smart_gravity_of(operation) or Gravity.CENTER
    if operation.crop:
        box = tuple(map(float, window(operation.crop, *size)))
    elif operation.resize:
        box = place(operation.resize, *size).box
    left, upper, right, lower = box
    part = ((right - left) / size[0], (lower - upper) / size[1])
    focus = Point(*focus_of(image, gravity, part))
    if operation.crop:
        return Operation(crop=operation.crop._replace(gravity=Gravity.CENTER, focus=focus))
    assert operation.resize is not None  # noqa: S101  # only these two are smart
    return Operation(resize=operation.resize._replace(gravity=Gravity.CENTER, focus=focus))


def _trimmed(trim: Trim, image: Image.Image) -> Crop:
    """Return the rectangle without the border; the whole picture where nothing else is in it."""
    pixels = premultiplied(image)
    if trim.color:
        filled = Image.new(image.mode, (1, 1), color_of(trim.color)[: len(image.getbands())])
        border = premultiplied(filled).getpixel((0, 0))
    else:
        border = pixels.getpixel((0, 0))
    tones = border if isinstance(border, tuple) else (border,)
    threshold = max(0, min(255, trim.threshold))
    table = [
        255 * (abs(value - int(tone or 0)) > threshold) for tone in tones for value in range(256)
    ]
    box = pixels.point(table).getbbox(alpha_only=False) or (0, 0, *image.size)
    return Crop(x=box[0], y=box[1], width=box[2] - box[0], height=box[3] - box[1])
