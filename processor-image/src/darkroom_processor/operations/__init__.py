"""The operations of a recipe: a picture in, a picture out. Nothing here does any IO.

Each operation is a function of the same name in one of the modules below: (picture, settings,
context) -> picture. None changes the picture that it is given, which threads may share.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any, Final

from PIL import Image

from darkroom_processor.documents import Operation
from darkroom_processor.operations.context import Context
from darkroom_processor.operations.decide import decided, looks
from darkroom_processor.operations.geometry import whole_turn
from darkroom_processor.operations.modes import editable

__all__ = ["MODULES", "Context", "apply", "keeps_16_bits", "resolve"]

MODULES: Final = {
    "resize": "scale",
    "crop": "scale",
    "trim": "decide",
    "extend": "canvas",
    "rotate": "turn",
    "flip": "turn",
    "border": "canvas",
    "round_corners": "shape",
    "circle": "shape",
    "flatten": "canvas",
    "grayscale": "tone",
    "sepia": "tone",
    "tint": "tone",
    "brightness": "tone",
    "contrast": "tone",
    "saturation": "tone",
    "gamma": "tone",
    "invert": "tone",
    "normalize": "tone",
    "posterize": "tone",
    "vignette": "tone",
    "blur": "effects",
    "sharpen": "effects",
    "unsharp": "effects",
    "pixelate": "effects",
    "overlay": "overlay",
    "text": "text",
}
"""Where each operation is; imported when a recipe has one."""
_MOVES_ONLY: Final = {"resize", "crop", "trim", "flip"}
"""Operations that make no new tones, and keep 16 bits where the picture has them."""


def resolve(
    operations: Sequence[Operation], first: Image.Image, context: Context
) -> tuple[Operation, ...]:
    """Return the operations with what the pixels of a first frame decide written into them.

    They do the same to every frame: nothing in them looks at pixels any more.
    """
    last = max((i for i, operation in enumerate(operations) if looks(operation)), default=-1)
    resolved = list(operations)
    for index, operation in enumerate(operations[: last + 1]):
        resolved[index] = decided(operation, first)
        if index < last:
            first = _applied(first, resolved[index], context)
    return tuple(resolved)


def apply(image: Image.Image, operations: Sequence[Operation], context: Context) -> Image.Image:
    """Return the picture after all operations; it may be the same object where there are none."""
    for operation in operations:
        image = _applied(image, decided(operation, image), context)
    return image


def keeps_16_bits(operation: Operation) -> bool:
    """Whether an operation keeps 16 bits for each pixel; others make 8 of them."""
    if operation.resize:
        return operation.resize.fit.value not in {"contain", "pad"}
    if operation.rotate:
        return whole_turn(operation.rotate.angle) % 90 == 0
    return kind_of(operation) in _MOVES_ONLY


def kind_of(operation: Operation) -> str:
    """Return the name of the one field that is set."""
    return next(name for name in operation._fields if getattr(operation, name) is not None)


def _applied(image: Image.Image, operation: Operation, context: Context) -> Image.Image:
    name = kind_of(operation)
    module = importlib.import_module(f"darkroom_processor.operations.{MODULES[name]}")
    do: Callable[[Image.Image, Any, Context], Image.Image] = getattr(module, name)
    image = image if keeps_16_bits(operation) else editable(image)
    return do(image, getattr(operation, name), context)
