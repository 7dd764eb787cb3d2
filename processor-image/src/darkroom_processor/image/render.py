"""One decoded base, many outputs: how much of it is needed, and how each output is made of it."""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from darkroom_core.vocabulary import Filter, Gravity
from PIL import Image
from PIL.Image import Transpose

from darkroom_processor import operations
from darkroom_processor.documents import Grayscale, Operation, Output, Resize
from darkroom_processor.image.colors import in_output_space
from darkroom_processor.image.decode import Base, Draft
from darkroom_processor.limits import check_output_pixels
from darkroom_processor.operations import Context
from darkroom_processor.operations.decide import LOOKED_AT, decided, smart_gravity_of
from darkroom_processor.operations.geometry import Box, Placement, Size, place
from darkroom_processor.operations.modes import editable
from darkroom_processor.operations.scale import on_canvas, scaled, window_inside
from darkroom_processor.operations.turn import ORIENTATIONS, before, size_after, turns_of

OVERSAMPLING: Final = 1.25
"""JPEG is decoded at this many times the size that is wanted, at least.

libjpeg makes smaller by 2, 4 or 8 well, but for the edges of its blocks: what is left over is for
the filter. Against a photograph decoded whole the result has a PSNR of 35 dB at exactly the size,
38 at 1.25 times, 41 at 1.5, 45 to 48 at twice the size, which takes up to 1.5 times the time.
"""
_GRAYSCALE: Final = Operation(grayscale=Grayscale())
_ROUNDING: Final = 1e-6
_COLOURLESS_AFTER: Final = frozenset(
    {"resize", "crop", "extend", "rotate", "flip", "border", "flatten", "blur", "pixelate"}
)
"""Operations that may as well be done before or after the colours are taken out."""


class View(NamedTuple):
    """A part of the source, turned: what operations before the first resize have made of it."""

    box: Box
    """The part, in the source's own frame and pixels."""
    turns: tuple[Transpose, ...] = ()
    """The source's orientation, then the recipe's turns."""
    gray: bool = False
    """Whether colours are taken out."""

    @property
    def stored(self) -> Size:
        """The part's size before its turns."""
        left, upper, right, lower = self.box
        return round(right - left), round(lower - upper)

    @property
    def size(self) -> Size:
        """The part's size as the next operation sees it."""
        return size_after(self.turns, *self.stored)

    def part(self, box: Box) -> Box:
        """Return where a part of the view is in the source."""
        left, upper, right, lower = before(self.turns, box, *self.stored)
        x, y = self.box[:2]
        return (x + left, y + upper, x + right, y + lower)


class Plan(NamedTuple):
    """An output's operations in the order that costs least, with the same result.

    Crops, turns by quarters, mirroring and grayscale change places with a resize that follows
    them, so that the resize comes first and they work on the smaller picture.
    """

    view: View
    """The part of the source that is used."""
    resize: Resize | None
    """The first resize, where nothing before it needs the whole picture."""
    placement: Placement | None
    """Where that resize brings the view."""
    begun: tuple[Operation, ...]
    """The operations up to that resize, with it, as the pixels have decided them."""
    rest: tuple[Operation, ...]

    @property
    def box(self) -> Box:
        """What of the source is resized, in its own frame and pixels."""
        return self.view.part(self.placement.box) if self.placement else self.view.box

    @property
    def size(self) -> Size:
        """The size that box is brought to, before the turns."""
        size = self.placement.size if self.placement else self.view.size
        return size_after(self.view.turns, *size)


Look = Callable[[View, Operation], Operation]
"""Returns an operation in which pixels no longer decide."""


def plan_for(output: Output, size: Size, orientation: int, look: Look | None = None) -> Plan:
    """Plan an output from a source of that size and EXIF orientation.

    Without a `look` at its pixels smart crops lie in the middle; their size is right.
    """
    upright = ORIENTATIONS.get(orientation) if output.auto_orient else None
    view = View((0.0, 0.0, float(size[0]), float(size[1])), () if upright is None else (upright,))
    begun: tuple[Operation, ...] = ()
    for index, given in enumerate(output.operations):
        operation = look(view, given) if look and smart_gravity_of(given) else given
        turns = turns_of(operation)
        if operation.resize:
            placement = place(operation.resize, *view.size)
            rest = output.operations[index + 1 :]
            return Plan(view, operation.resize, placement, (*begun, operation), rest)
        if turns is not None:
            view = view._replace(turns=view.turns + turns)
        elif operation.grayscale is not None:
            view = view._replace(gray=True)
        elif operation.crop:
            view = view._replace(box=view.part(window_inside(operation.crop, view.size)))
        else:
            return Plan(view, None, None, begun, output.operations[index:])
        begun += (operation,)
    return Plan(view, None, None, begun, ())


def draft_for(outputs: Sequence[Output], size: Size, orientation: int) -> Draft:
    """Return how little of the source does for all outputs."""
    gray = all(_is_gray(output) for output in outputs)
    needed = (1, 1)
    for output in outputs:
        plan = plan_for(output, size, orientation)
        if plan.resize is None or plan.resize.filter is Filter.NEAREST:
            return Draft(None, gray)
        left, upper, right, lower = plan.box
        scale = max(
            OVERSAMPLING * plan.size[0] / (right - left),
            OVERSAMPLING * plan.size[1] / (lower - upper),
            LOOKED_AT / max(plan.view.size) if any(map(smart_gravity_of, output.operations)) else 0,
        )
        needed = (
            max(needed[0], math.ceil(scale * size[0] - 1e-6)),
            max(needed[1], math.ceil(scale * size[1] - 1e-6)),
        )
    return Draft(needed if needed[0] < size[0] else None, gray)


def _is_gray(output: Output) -> bool:
    """Whether the source's colours are seen nowhere in an output."""
    for operation in output.operations:
        if operation.grayscale is not None:
            return True
        if smart_gravity_of(operation) is Gravity.ATTENTION:
            return False
        if operations.kind_of(operation) not in _COLOURLESS_AFTER:
            return False
    return False


def render(
    base: Base,
    output: Output,
    limit: int,
    overlays: Mapping[str, Image.Image] = MappingProxyType({}),
) -> Image.Image:
    """Return the picture of one output; raises Rejected beyond `limit` pixels."""
    context = Context(limit, overlays)
    plan = plan_for(output, base.size, base.orientation, _eye(base))
    return _alone(operations.apply(_begun(base, output, plan, context), plan.rest, context), base)


def renderer(
    output: Output, limit: int, overlays: Mapping[str, Image.Image] = MappingProxyType({})
) -> Callable[[Base], Image.Image]:
    """Return what renders each frame of a moving picture.

    What looks at pixels to decide does so in the first frame that it is given, and the same is done
    to all others.
    """
    context = Context(limit, overlays, marks={})
    decided_by_first: list[Output] = []

    def render_frame(base: Base) -> Image.Image:
        if decided_by_first:
            plan = plan_for(decided_by_first[0], base.size, base.orientation)
            image = _begun(base, output, plan, context)
        else:
            plan = plan_for(output, base.size, base.orientation, _eye(base))
            image = _begun(base, output, plan, context)
            rest = operations.resolve(plan.rest, image, context)
            decided_by_first.append(output._replace(operations=(*plan.begun, *rest)))
            plan = plan._replace(rest=rest)
        return _alone(operations.apply(image, plan.rest, context), base)

    return render_frame


def _eye(base: Base) -> Look:
    return lambda view, operation: decided(operation, _seen(base, view), view.size)


def _alone(image: Image.Image, base: Base) -> Image.Image:
    # Pillow's save() writes to the object it saves: one that threads share must not be saved.
    return image.copy() if image is base.image else image


def _begun(base: Base, output: Output, plan: Plan, context: Context) -> Image.Image:
    """Return an output's picture up to its first resize, in the output's colour space."""
    image = in_output_space(_brought(base, plan, context), base.profile, output)
    for turn in plan.view.turns:
        image = image.transpose(turn)
    if plan.view.gray:
        image = operations.apply(image, (_GRAYSCALE,), context)
    if plan.resize and plan.placement:
        image = on_canvas(image, plan.resize, plan.placement)
    return image


def _brought(base: Base, plan: Plan, context: Context) -> Image.Image:
    """Return the part of the base that the plan uses, in the plan's size."""
    if plan.resize and plan.placement:
        check_output_pixels(plan.placement.result, context.pixels)
    # Cut first: a resize looks beyond its box's edges, at what a crop has taken away.
    image, (x, y) = _cut(base, plan.view)
    if plan.resize is None:
        return image
    left, upper, right, lower = (edge * base.scale for edge in plan.box)
    box = (left - x, upper - y, min(right - x, image.width), min(lower - y, image.height))
    return scaled(image, plan.size, plan.resize.filter, box)


def _cut(base: Base, view: View) -> tuple[Image.Image, Size]:
    """Return a view's part of the base, in whole pixels, and where its upper left corner was."""
    image = base.image
    left, upper, right, lower = (edge * base.scale for edge in view.box)
    x, y = math.floor(left + _ROUNDING), math.floor(upper + _ROUNDING)
    right = min(image.width, math.ceil(right - _ROUNDING))
    lower = min(image.height, math.ceil(lower - _ROUNDING))
    if (x, y, right, lower) == (0, 0, *image.size):
        return image, (0, 0)
    return image.crop((x, y, right, lower)), (x, y)


def _seen(base: Base, view: View) -> Image.Image:
    """Return a small picture of a view, turned as the recipe wants it."""
    from darkroom_processor.operations.saliency import small  # noqa: PLC0415  # seldom needed

    image = small(editable(_cut(base, view)[0]))
    for turn in view.turns:
        image = image.transpose(turn)
    return image.convert("L") if view.gray else image
