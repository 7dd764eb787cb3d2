"""Palettes: a picture in few colours."""

from typing import Final

from PIL import Image

MOST_COLORS: Final = 256
_HALF: Final = 128


def in_palette(image: Image.Image, count: int, *, may_clear: bool = False) -> Image.Image:
    """Return the picture in a palette of at most so many colours, one of which may be clear.

    GIF knows no half transparency: what is less than half there is not there. With `may_clear` a
    picture in RGBA has a clear colour even where it does not need one.
    """
    if image.mode == "RGBA":
        clear = image.getchannel("A").point([255] * _HALF + [0] * _HALF)
        if may_clear or clear.getbbox() is not None:
            return _with_clear(image.convert("RGB"), clear, count)
    return image.convert("RGB").quantize(count, Image.Quantize.MEDIANCUT)


def _with_clear(image: Image.Image, clear: Image.Image, count: int) -> Image.Image:
    reduced = image.quantize(max(1, count - 1), Image.Quantize.MEDIANCUT)
    colors = (reduced.getpalette() or [])[: 3 * (count - 1)]
    transparent = len(colors) // 3
    reduced.putpalette([*colors, 0, 0, 0])
    reduced.paste(transparent, mask=clear)
    reduced.info["transparency"] = transparent
    return reduced


def in_palette_with_alpha(image: Image.Image, count: int) -> Image.Image:
    """Return the picture in a palette whose colours may be half transparent, as PNG can."""
    method = Image.Quantize.FASTOCTREE if image.mode == "RGBA" else Image.Quantize.MEDIANCUT
    return image.quantize(count, method)
