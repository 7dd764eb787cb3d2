"""The laws of sizes and places: what part of a picture goes where. Pure numbers."""

import math
from typing import Final, NamedTuple

from darkroom_core.vocabulary import Fit, Gravity

from darkroom_processor.documents import Crop, Point, Resize

Box = tuple[float, float, float, float]
"""Left, upper, right, lower."""
Size = tuple[int, int]

_LONGEST_SIDE: Final = 2**17
"""More than any recipe can ask for: what Pillow is given stays far from its integers' ends."""
_PLACES: Final = {
    Gravity.CENTER: (0.5, 0.5),
    Gravity.NORTH: (0.5, 0.0),
    Gravity.NORTHEAST: (1.0, 0.0),
    Gravity.EAST: (1.0, 0.5),
    Gravity.SOUTHEAST: (1.0, 1.0),
    Gravity.SOUTH: (0.5, 1.0),
    Gravity.SOUTHWEST: (0.0, 1.0),
    Gravity.WEST: (0.0, 0.5),
    Gravity.NORTHWEST: (0.0, 0.0),
}


class Placement(NamedTuple):
    """What a resize does to a picture."""

    box: Box
    """The part of the picture that is used, in its pixels."""
    size: Size
    """The size that part is brought to."""
    canvas: Size | None = None
    """The size of the canvas it is put on, where there is one."""
    at: Size = (0, 0)
    """Where on the canvas its upper left corner is put."""

    @property
    def result(self) -> Size:
        """The size of what comes out."""
        return self.canvas or self.size


def clamped(value: float, least: float, most: float) -> float:
    """Return a number within its range, whatever a recipe says; the least for what is none."""
    return min(most, value) if value > least else least


def fractions_of(gravity: Gravity) -> tuple[float, float]:
    """Return how much of the spare space is on the left and above; a half where pixels decide."""
    return _PLACES.get(gravity, (0.5, 0.5))


def place(resize: Resize, width: int, height: int) -> Placement:
    """Return how a picture of `width` x `height` is resized. No side becomes shorter than 1."""
    whole = (0.0, 0.0, float(width), float(height))
    if resize.scale is not None:
        scale = resize.scale * resize.dpr
        return Placement(whole, (_side(width * scale), _side(height * scale)))
    if resize.width is None or resize.height is None:
        return Placement(whole, _to_one_side(resize, width, height))
    wanted = (_side(resize.width * resize.dpr), _side(resize.height * resize.dpr))
    if resize.fit is Fit.COVER:
        return _cover(resize, wanted, width, height)
    size = _KINDS[resize.fit](wanted, width, height, enlarge=resize.enlarge)
    if resize.fit not in {Fit.CONTAIN, Fit.PAD}:
        return Placement(whole, size)
    along, down = fractions_of(resize.gravity)
    at = (int((wanted[0] - size[0]) * along), int((wanted[1] - size[1]) * down))
    return Placement(whole, size, wanted, at)


def _side(length: float) -> int:
    return round(clamped(length, 1, _LONGEST_SIDE))


def _to_one_side(resize: Resize, width: int, height: int) -> Size:
    wanted, of = (resize.width, width) if resize.width else (resize.height or 1, height)
    side = _side(wanted * resize.dpr)
    side = side if resize.enlarge else min(side, of)
    scale = side / of
    return (side, _side(height * scale)) if resize.width else (_side(width * scale), side)


def _inside(wanted: Size, width: int, height: int, *, enlarge: bool) -> Size:
    scale = min(wanted[0] / width, wanted[1] / height)
    if scale >= 1 and not enlarge:
        return (width, height)
    return (min(wanted[0], _side(width * scale)), min(wanted[1], _side(height * scale)))


def _outside(wanted: Size, width: int, height: int, *, enlarge: bool) -> Size:
    scale = max(wanted[0] / width, wanted[1] / height)
    if scale >= 1 and not enlarge:
        return (width, height)
    return (max(wanted[0], _side(width * scale)), max(wanted[1], _side(height * scale)))


def _stretched(wanted: Size, width: int, height: int, *, enlarge: bool) -> Size:
    return wanted if enlarge else (min(wanted[0], width), min(wanted[1], height))


_KINDS: Final = {
    Fit.FIT: _inside,
    Fit.CONTAIN: _inside,
    Fit.PAD: _inside,
    Fit.OUTSIDE: _outside,
    Fit.STRETCH: _stretched,
}


def _cover(resize: Resize, wanted: Size, width: int, height: int) -> Placement:
    scale = max(wanted[0] / width, wanted[1] / height)
    # At least one whole pixel of the source, however narrow the box is.
    part = (max(1.0, min(width, wanted[0] / scale)), max(1.0, min(height, wanted[1] / scale)))
    left = _start(width, part[0], 0, resize.gravity, resize.focus)
    upper = _start(height, part[1], 1, resize.gravity, resize.focus)
    box = (left, upper, left + part[0], upper + part[1])
    if scale > 1 and not resize.enlarge:
        return Placement(box, (max(1, round(part[0])), max(1, round(part[1]))))
    return Placement(box, wanted)


def _start(side: int, part: float, axis: int, gravity: Gravity, focus: Point | None) -> float:
    """Return where a part of a side begins, inside the side."""
    if focus is None:
        return (side - part) * fractions_of(gravity)[axis]
    middle = side * clamped((focus.x, focus.y)[axis], 0, 1)
    return max(0.0, min(side - part, middle - part / 2))


def window(crop: Crop, width: int, height: int) -> tuple[int, int, int, int]:
    """Return the rectangle of a crop: left, upper, right, lower.

    Where it lies outside the picture, its right edge is not right of its left one, or the lower
    not below the upper.
    """
    wanted = _ratio(crop.aspect, width, height) if crop.aspect else (crop.width, crop.height)
    edges: list[tuple[int, int]] = []
    for axis, (side, length, start) in enumerate(
        ((width, wanted[0] or width, crop.x), (height, wanted[1] or height, crop.y))
    ):
        if start is None:
            part = max(1, min(side, length))
            first = round(_start(side, part, axis, crop.gravity, crop.focus))
            edges.append((first, first + part))
        else:
            edges.append((max(0, start), min(side, start + length)))
    (left, right), (upper, lower) = edges
    return left, upper, right, lower


def _ratio(aspect: str, width: int, height: int) -> Size:
    """Return the largest rectangle of a ratio that fits inside."""
    across, _, down = aspect.partition(":")
    ratio = _count(across) / _count(down)
    if width / height > ratio:
        return (max(1, min(width, round(height * ratio))), height)
    return (width, max(1, min(height, round(width / ratio))))


def _count(digits: str) -> float:
    return clamped(int(digits) if digits.isdecimal() else 1, 1, _LONGEST_SIDE)


def whole_turn(angle: float) -> float:
    """Return an angle from 0 to 360 degrees, without the end."""
    return clamped(angle, -360, 360) % 360


def rotated_size(width: int, height: int, angle: float) -> Size:
    """Return the smallest size that holds a picture turned by `angle` degrees."""
    sine, cosine = (abs(f(math.radians(angle))) for f in (math.sin, math.cos))
    # What is a billionth over a whole pixel is the arithmetic's doing.
    return (
        max(1, math.ceil(width * cosine + height * sine - 1e-6)),
        max(1, math.ceil(width * sine + height * cosine - 1e-6)),
    )
