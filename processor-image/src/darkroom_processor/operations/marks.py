"""Putting a mark upon a picture: made small enough, turned, faded, repeated, placed."""

from typing import NamedTuple

from darkroom_core.vocabulary import Filter, Gravity
from PIL import Image

from darkroom_processor.documents import Overlay, Text
from darkroom_processor.operations.geometry import (
    Size,
    clamped,
    fractions_of,
    rotated_size,
    whole_turn,
)
from darkroom_processor.operations.scale import scaled
from darkroom_processor.operations.turn import turned_by

Placed = Overlay | Text


class Mark(NamedTuple):
    """What is put upon pictures of one size."""

    image: Image.Image
    """In RGBA; nothing of it lies outside the picture."""
    at: Size
    is_grey: bool
    """Whether it has no colours."""


def room_for(placed: Placed, size: Size) -> Size:
    """Return how large a mark may be in a picture of that size, at least one pixel."""
    sides = zip(size, (placed.x, placed.y), _shares(placed), strict=True)
    across, down = (
        max(1, side - (2 * abs(offset) if share == 0.5 else max(0, offset)))  # noqa: PLR2004
        for side, offset, share in sides
    )
    return across, down


def mark_of(image: Image.Image, placed: Placed, size: Size, wanted: Size) -> Mark:
    """Return the mark for pictures of a size: an RGBA picture, `wanted` large or as fits."""
    room = room_for(placed, size)
    angle = whole_turn(placed.angle)
    image = _faded(_fitting(image, wanted, angle, room), placed.opacity)
    is_grey = _is_grey(image)
    if placed.tile:
        gap = max(0, placed.spacing)
        columns = max(1, (room[0] + gap) // (image.width + gap))
        rows = max(1, (room[1] + gap) // (image.height + gap))
        image = _repeated(_repeated(image, columns, gap, 0), rows, gap, 1)
    return Mark(image, _place(placed, size, image.size), is_grey)


def put_upon(image: Image.Image, mark: Mark) -> Image.Image:
    """Return an L, RGB or RGBA picture with a mark upon it."""
    if image.mode == "RGBA":
        marked = image.copy()
        marked.alpha_composite(mark.image, mark.at)
        return marked
    marked = image.copy() if image.mode == "RGB" or mark.is_grey else image.convert("RGB")
    marked.paste(mark.image, mark.at, mark.image)
    return marked


def _fitting(image: Image.Image, wanted: Size, angle: float, room: Size) -> Image.Image:
    """Return an image turned by an angle, in its wanted size or the largest there is room for."""
    turned = rotated_size(*wanted, angle)
    scale = min(1.0, room[0] / turned[0], room[1] / turned[1])
    width, height = (max(1, int(side * scale)) for side in wanted)
    # Turned sizes are rounded up.
    while any(a > b for a, b in zip(rotated_size(width, height, angle), room, strict=True)):
        if (width, height) == (1, 1):
            return image.resize((1, 1))
        width, height = max(1, width - 1), max(1, height - 1)
    image = scaled(image, (width, height), Filter.LANCZOS, (0, 0, *image.size))
    return turned_by(image, angle) if angle else image


def _faded(image: Image.Image, opacity: float) -> Image.Image:
    opacity = clamped(opacity, 0, 1)
    if opacity == 1:
        return image
    faded = image.copy()
    faded.putalpha(image.getchannel("A").point([round(v * opacity) for v in range(256)]))
    return faded


def _repeated(image: Image.Image, times: int, gap: int, axis: int) -> Image.Image:
    """Return a row (axis 0) or column of images; it doubles at each step."""
    step = image.size[axis] + gap
    size = list(image.size)
    size[axis] = step * times - gap
    strip = Image.new("RGBA", (size[0], size[1]), (255, 255, 255, 0))
    strip.paste(image, (0, 0))
    done = 1
    while done < times:
        more = min(done, times - done)
        size[axis] = more * step - gap
        at = (done * step, 0) if axis == 0 else (0, done * step)
        strip.paste(strip.crop((0, 0, size[0], size[1])), at)
        done += more
    return strip


def _place(placed: Placed, size: Size, own: Size) -> Size:
    """Return where the upper left corner comes: nothing sticks out."""
    offsets, shares = (placed.x, placed.y), _shares(placed)
    places: list[int] = []
    for side, length, offset, share in zip(size, own, offsets, shares, strict=True):
        start = int((side - length) * share) + (-offset if share == 1 else offset)
        places.append(max(0, min(side - length, start)))
    return places[0], places[1]


def _shares(placed: Placed) -> tuple[float, float]:
    """Return how much of the spare space is on the left and above; tiles are in the middle."""
    return fractions_of(Gravity.CENTER if placed.tile else placed.gravity)


def _is_grey(image: Image.Image) -> bool:
    red, green, blue, _ = image.split()
    return red.tobytes() == green.tobytes() == blue.tobytes()
