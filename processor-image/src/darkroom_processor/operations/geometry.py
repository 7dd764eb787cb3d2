"""The laws of sizes: where a picture lands when it is resized or rotated. Pure numbers."""

import math
from typing import NamedTuple

from darkroom_core.vocabulary import Fit

from darkroom_processor.documents import Resize


class Placement(NamedTuple):
    """What a resize does to a picture."""

    box: tuple[float, float, float, float]
    """The part of the picture that is used: left, upper, right, lower, in its pixels."""
    size: tuple[int, int]
    """The size that part is brought to."""
    canvas: tuple[int, int] | None = None
    """The size of the canvas it is centred on, where there is one."""

    @property
    def result(self) -> tuple[int, int]:
        """The size of what comes out."""
        return self.canvas or self.size


def place(resize: Resize, width: int, height: int) -> Placement:
    """Return how a picture of `width` x `height` is resized. No side becomes shorter than 1."""
    whole = (0.0, 0.0, float(width), float(height))
    if resize.width is None or resize.height is None:
        return Placement(whole, _to_one_side(resize, width, height))
    wanted = (max(1, resize.width), max(1, resize.height))
    if resize.fit is Fit.COVER:
        return _cover(wanted, width, height, enlarge=resize.enlarge)
    if resize.fit is Fit.STRETCH:
        kept = (min(wanted[0], width), min(wanted[1], height))
        return Placement(whole, wanted if resize.enlarge else kept)
    inside = _inside(wanted, width, height, enlarge=resize.enlarge)
    return Placement(whole, inside, None if resize.fit is Fit.FIT else wanted)


def _to_one_side(resize: Resize, width: int, height: int) -> tuple[int, int]:
    side, of = (resize.width, width) if resize.width else (resize.height or 1, height)
    side = side if resize.enlarge else min(side, of)
    scale = side / of
    return (
        (side, max(1, round(height * scale)))
        if resize.width
        else (max(1, round(width * scale)), side)
    )


def _inside(wanted: tuple[int, int], width: int, height: int, *, enlarge: bool) -> tuple[int, int]:
    scale = min(wanted[0] / width, wanted[1] / height)
    if scale >= 1 and not enlarge:
        return (width, height)
    return (
        min(wanted[0], max(1, round(width * scale))),
        min(wanted[1], max(1, round(height * scale))),
    )


def _cover(wanted: tuple[int, int], width: int, height: int, *, enlarge: bool) -> Placement:
    scale = max(wanted[0] / width, wanted[1] / height)
    # At least one whole pixel of the source, however narrow the box is.
    part = (max(1.0, min(width, wanted[0] / scale)), max(1.0, min(height, wanted[1] / scale)))
    left, upper = (width - part[0]) / 2, (height - part[1]) / 2
    box = (left, upper, left + part[0], upper + part[1])
    if scale > 1 and not enlarge:
        return Placement(box, (max(1, round(part[0])), max(1, round(part[1]))))
    return Placement(box, wanted)


def rotated_size(width: int, height: int, angle: float) -> tuple[int, int]:
    """Return a size, up to 2 pixels too large, that holds the picture turned by `angle` degrees."""
    sine, cosine = (abs(f(math.radians(angle))) for f in (math.sin, math.cos))
    return (
        math.ceil(width * cosine + height * sine) + 1,
        math.ceil(width * sine + height * cosine) + 1,
    )
