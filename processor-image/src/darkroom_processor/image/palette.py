"""Palettes: a picture in few colours."""

from typing import Final

from PIL import Image

MOST_COLORS: Final = 256
_HALF: Final = 128
_SAMPLE: Final = 160
"""Longest side, in pixels, of what a palette is found in."""


def in_palette(image: Image.Image, count: int, *, is_frame: bool = False) -> Image.Image:
    """Return the picture in a palette of at most so many colours, one of which may be clear.

    GIF knows no half transparency: what is less than half there is not there. A frame of a moving
    picture in RGBA has a clear colour even where it does not need one, and no frame is dithered:
    the dots would swarm.
    """
    if image.mode == "RGBA":
        clear = image.getchannel("A").point([255] * _HALF + [0] * _HALF)
        if is_frame or clear.getbbox() is not None:
            return _with_clear(image.convert("RGB"), clear, count, dither=not is_frame)
    return _reduced(image.convert("RGB"), count, dither=not is_frame)


def _reduced(image: Image.Image, count: int, *, dither: bool) -> Image.Image:
    """Return a picture in RGB in a palette, found by median cut.

    That takes long where most pixels have a colour of their own: of a large picture of many
    colours a sample is cut, and each pixel gets the nearest colour.
    """
    longer = max(image.size)
    if image.getcolors(count) is not None or (longer <= _SAMPLE and not dither):
        return image.quantize(count, Image.Quantize.MEDIANCUT)
    sample = image
    if longer > _SAMPLE:
        size = tuple(max(1, side * _SAMPLE // longer) for side in image.size)
        sample = image.resize((size[0], size[1]), Image.Resampling.NEAREST)
    palette = sample.quantize(count, Image.Quantize.MEDIANCUT)
    how = Image.Dither.FLOYDSTEINBERG if dither else Image.Dither.NONE
    return image.quantize(palette=palette, dither=how)


def _with_clear(image: Image.Image, clear: Image.Image, count: int, *, dither: bool) -> Image.Image:
    reduced = _reduced(image, max(1, count - 1), dither=dither)
    colors = (reduced.getpalette() or [])[: 3 * (count - 1)]
    transparent = len(colors) // 3
    reduced.putpalette([*colors, 0, 0, 0])
    reduced.paste(transparent, mask=clear)
    reduced.info["transparency"] = transparent
    return reduced


def in_palette_with_alpha(image: Image.Image, count: int) -> Image.Image:
    """Return the picture in a palette whose colours may be half transparent, as PNG can."""
    if image.mode == "RGBA":
        return image.quantize(count, Image.Quantize.FASTOCTREE)
    return _reduced(image.convert("RGB"), count, dither=True)
