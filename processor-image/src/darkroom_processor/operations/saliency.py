"""Which part of a picture is worth keeping: a map of scores, and the window that has most of it.

It works on a picture of at most LOOKED_AT pixels on its long side, so it costs the same whatever
the picture's size, and finds the same in one that was decoded at a reduced scale.
"""

from itertools import accumulate
from typing import Final

from darkroom_core.vocabulary import Gravity
from PIL import Image, ImageChops, ImageFilter

from darkroom_processor.operations.decide import LOOKED_AT
from darkroom_processor.operations.geometry import Size

_EDGES: Final = tuple(min(255, round(16 * max(0, value - 4) ** 0.5)) for value in range(256))
"""Broad detail counts for more than one hard edge, and noise for nothing."""
_SKIN: Final = ((85, 127), (135, 173))
"""Cb and Cr of skin, light and dark."""
_MIDDLE_COUNTS: Final = 0.15
"""By how much less a window at the farthest edge counts: of equals the middle one is taken."""


def focus_of(
    image: Image.Image, gravity: Gravity, part: tuple[float, float]
) -> tuple[float, float]:
    """Return the middle of the best window that is such a part of the picture, as fractions.

    Where nothing stands out it is the picture's own middle.
    """
    image = small(image)
    scores = _detail(image) if gravity is Gravity.ENTROPY else _attention(image)
    if image.mode == "RGBA":
        scores = ImageChops.multiply(scores, image.getchannel("A"))
    size = tuple(
        max(1, min(side, round(side * share))) for side, share in zip(image.size, part, strict=True)
    )
    corner = _best(scores, size[0], size[1])
    if corner is None:
        return (0.5, 0.5)
    left, upper = corner
    return ((left + size[0] / 2) / image.width, (upper + size[1] / 2) / image.height)


def small(image: Image.Image) -> Image.Image:
    """Return a picture as small as is looked at; the picture itself where it is so small."""
    if max(image.size) <= LOOKED_AT:
        return image
    scale = LOOKED_AT / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BOX, reducing_gap=1.0)


def _detail(image: Image.Image) -> Image.Image:
    grey = image.convert("L")
    edges = grey.filter(ImageFilter.FIND_EDGES)
    # The filter leaves the outermost pixels as they are.
    edges.paste(0, (0, 0, edges.width, 1))
    edges.paste(0, (0, edges.height - 1, edges.width, edges.height))
    edges.paste(0, (0, 0, 1, edges.height))
    edges.paste(0, (edges.width - 1, 0, edges.width, edges.height))
    return edges.point(_EDGES)


def _attention(image: Image.Image) -> Image.Image:
    colors = image.convert("RGB")
    _, saturated, value = colors.convert("HSV").split()
    vivid = ImageChops.multiply(saturated, value)
    light, blue, red = colors.convert("YCbCr").split()
    skin = ImageChops.multiply(_between(blue, *_SKIN[0]), _between(red, *_SKIN[1]))
    # Neither shadows nor highlights tell what they are.
    skin = ImageChops.multiply(skin, _between(light, 40, 235))
    parts = ((_detail(image), 0.8), (vivid, 0.5), (skin, 0.9))
    total = Image.new("L", image.size)
    for scores, weight in parts:
        total = ImageChops.add(total, scores.point(lambda v, w=weight: v * w / 2.2))
    return total


def _between(band: Image.Image, least: int, most: int) -> Image.Image:
    return band.point([255 * (least <= value <= most) for value in range(256)])


def _best(scores: Image.Image, width: int, height: int) -> Size | None:
    """Return the upper left corner of the window of that size which has most; None in a void.

    What lies in the very middle of a window counts twice: that brings it there.
    """
    sums = _sums(scores)
    across, down = scores.width - width, scores.height - height
    inset = width * 3 // 8 if across else 0
    depth = height * 3 // 8 if down else 0
    best, corner = 0.0, None
    for upper in range(down + 1):
        above, below = sums[upper], sums[upper + height]
        inner_above, inner_below = sums[upper + depth], sums[upper + height - depth]
        for left in range(across + 1):
            right, first, last = left + width, left + inset, left + width - inset
            score = below[right] - below[left] - above[right] + above[left]
            score += inner_below[last] - inner_below[first] - inner_above[last] + inner_above[first]
            away = abs(2 * left - across) / (across or 1) + abs(2 * upper - down) / (down or 1)
            weighed = score * (1 - _MIDDLE_COUNTS * away / 2)
            if weighed > best:
                best, corner = weighed, (left, upper)
    return corner


def _sums(scores: Image.Image) -> list[list[int]]:
    """Return for each corner of a pixel the sum of all scores above and left of it."""
    data, width = scores.tobytes(), scores.width
    sums = [[0] * (width + 1)]
    for start in range(0, len(data), width):
        row = accumulate(data[start : start + width], initial=0)
        sums.append([above + here for above, here in zip(sums[-1], row, strict=True)])
    return sums
