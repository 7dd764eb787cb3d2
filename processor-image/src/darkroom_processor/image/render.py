"""One decoded base, many outputs: how much of it is needed, and how each output is made of it."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from PIL import Image
from PIL.Image import Resampling, Transpose

from darkroom_processor import operations
from darkroom_processor.documents import Operation, Output, Resize
from darkroom_processor.image.colors import to_srgb
from darkroom_processor.image.decode import Base, Draft
from darkroom_processor.limits import check_output_pixels
from darkroom_processor.operations.geometry import Placement, place

_OVERSAMPLING: Final = 2
"""JPEG is decoded at this many times the size that is wanted, at least: less would be seen."""


class Plan(NamedTuple):
    """An output's operations in the order that costs least, with the same result.

    Turns by quarters, mirroring and grayscale change places with a resize that follows them, so
    that the resize comes first and they work on the smaller picture.
    """

    resize: Resize | None
    """The first resize, where nothing before it needs the whole picture."""
    placement: Placement | None
    """Where that resize brings the picture, seen as the source is stored (not yet turned)."""
    turns: tuple[Transpose, ...]
    """The source's orientation, then the turns that came before the resize."""
    gray: bool
    """Whether colours are taken out before what follows."""
    rest: tuple[Operation, ...]


def plan_for(output: Output, size: tuple[int, int], orientation: int) -> Plan:
    """Plan an output from a source of that size and EXIF orientation."""
    upright = operations.ORIENTATIONS.get(orientation) if output.auto_orient else None
    start: tuple[Transpose, ...] = () if upright is None else (upright,)
    turns = start
    for index, operation in enumerate(output.operations):
        turn = operations.turn_of(operation)
        if operation.resize:
            gray = any(o.grayscale is not None for o in output.operations[:index])
            rest = output.operations[index + 1 :]
            return Plan(operation.resize, _stored(operation.resize, size, turns), turns, gray, rest)
        if turn is None:
            break
        turns += turn
    return Plan(None, None, turns=start, gray=False, rest=output.operations)


def _stored(resize: Resize, size: tuple[int, int], turns: Sequence[Transpose]) -> Placement:
    """Return the placement in the source's own frame; the box is centred, so mirroring keeps it."""
    if not operations.swaps_sides(turns):
        return place(resize, *size)
    (left, upper, right, lower), (width, height), canvas = place(resize, size[1], size[0])
    return Placement((upper, left, lower, right), (height, width), canvas)


def draft_for(outputs: Sequence[Output], size: tuple[int, int], orientation: int) -> Draft:
    """Return how little of the source does for all outputs."""
    gray = all(any(o.grayscale is not None for o in output.operations) for output in outputs)
    needed = (1, 1)
    for output in outputs:
        placement = plan_for(output, size, orientation).placement
        if placement is None:
            return Draft(None, gray)
        left, upper, right, lower = placement.box
        needed = (
            max(needed[0], math.ceil(_OVERSAMPLING * placement.size[0] * size[0] / (right - left))),
            max(
                needed[1], math.ceil(_OVERSAMPLING * placement.size[1] * size[1] / (lower - upper))
            ),
        )
    return Draft(needed, gray)


def render(base: Base, output: Output, limit: int) -> Image.Image:
    """Return the picture of one output; raises Rejected beyond `limit` pixels."""
    plan = plan_for(output, base.size, base.orientation)
    image = base.image
    if plan.placement:
        check_output_pixels(plan.placement.result, limit)
        left, upper, right, lower = (edge * base.scale for edge in plan.placement.box)
        image = image.resize(
            plan.placement.size,
            Resampling.LANCZOS,
            box=(left, upper, min(right, image.width), min(lower, image.height)),
            reducing_gap=3.0,
        )
    image = to_srgb(image, base.profile)
    for turn in plan.turns:
        image = image.transpose(turn)
    if plan.gray:
        image = operations.grayscale(image)
    if plan.resize and plan.placement:
        image = operations.on_canvas(image, plan.resize, plan.placement)
    image = operations.apply(image, plan.rest, limit)
    # Pillow's save() writes to the object it saves: one that threads share must not be saved.
    return image.copy() if image is base.image else image
