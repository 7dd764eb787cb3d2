"""Colours and tones, pixel by pixel: tables and matrices. What is transparent stays so."""

from collections.abc import Callable, Sequence
from typing import Final

from PIL import Image

from darkroom_processor.documents import (
    Brightness,
    Contrast,
    Gamma,
    Grayscale,
    Invert,
    Normalize,
    Posterize,
    Saturation,
    Sepia,
    Tint,
    Vignette,
)
from darkroom_processor.operations.context import Context
from darkroom_processor.operations.geometry import clamped
from darkroom_processor.operations.modes import OPAQUE, able_to_hold, color_of, ink

_MIDDLE: Final = 128
_LUMA: Final = (0.299, 0.587, 0.114)
"""How bright red, green and blue are: ITU-R 601, as Pillow's own conversion to L."""
_SEPIA: Final = ((0.393, 0.769, 0.189), (0.349, 0.686, 0.168), (0.272, 0.534, 0.131))
Row = Sequence[float]


def grayscale(image: Image.Image, _grayscale: Grayscale | None, _: Context) -> Image.Image:
    """Return the picture without colours."""
    if image.mode == "RGBA":
        return image.convert("LA").convert("RGBA")
    return image.convert("L")


def sepia(image: Image.Image, sepia: Sepia, _: Context) -> Image.Image:
    """Return the picture in the brown of an old photograph."""
    return _mixed(image, _SEPIA, clamped(sepia.amount, 0, 1))


def tint(image: Image.Image, tint: Tint, _: Context) -> Image.Image:
    """Return the picture in one colour: what was white has it, what was black is black."""
    rows = [[share * part / 255 for share in _LUMA] for part in color_of(tint.color)[:3]]
    return _mixed(image, rows, clamped(tint.amount, 0, 1))


def saturation(image: Image.Image, saturation: Saturation, _: Context) -> Image.Image:
    """Return the picture with stronger or weaker colours."""
    if image.mode == "L":
        return image
    return _mixed(image, (_LUMA, _LUMA, _LUMA), 1 - clamped(saturation.factor, 0, 10))


def brightness(image: Image.Image, brightness: Brightness, _: Context) -> Image.Image:
    """Return the picture lighter or darker."""
    factor = clamped(brightness.factor, 0, 10)
    return _by_table(image, lambda value: value * factor)


def contrast(image: Image.Image, contrast: Contrast, _: Context) -> Image.Image:
    """Return the picture with larger or smaller differences from middle grey."""
    factor = clamped(contrast.factor, 0, 10)
    return _by_table(image, lambda value: _MIDDLE + (value - _MIDDLE) * factor)


def gamma(image: Image.Image, gamma: Gamma, _: Context) -> Image.Image:
    """Return the picture with lighter or darker middle tones."""
    power = 1 / clamped(gamma.gamma, 0.1, 10)
    return _by_table(image, lambda value: 255 * (value / 255) ** power)


def invert(image: Image.Image, _invert: Invert, _: Context) -> Image.Image:
    """Return the picture's negative."""
    return _by_table(image, lambda value: 255 - value)


def normalize(image: Image.Image, normalize: Normalize, _: Context) -> Image.Image:
    """Return the picture with its tones stretched; black and white must be known."""
    black, white = normalize.black or 0, 255 if normalize.white is None else normalize.white
    return _by_table(image, lambda value: (value - black) * 255 / max(1, white - black))


def levels(image: Image.Image, cutoff: float) -> tuple[int, int]:
    """Return the tones that become black and white: `cutoff` percent lie beyond each."""
    seen = (
        image.getchannel("A").point(lambda value: 255 * (value > 0)) if _has_alpha(image) else None
    )
    counts = image.convert("L").histogram(seen)
    spare = sum(counts) * clamped(cutoff, 0, 20) / 100
    black = _first_beyond(counts, spare)
    white = 255 - _first_beyond(counts[::-1], spare)
    # A picture of one tone has nothing to stretch.
    return (black, white) if black < white else (0, 255)


def _first_beyond(counts: Sequence[int], spare: float) -> int:
    total = 0
    for tone, count in enumerate(counts):
        total += count
        if total > spare:
            return tone
    return 0


def posterize(image: Image.Image, posterize: Posterize, _: Context) -> Image.Image:
    """Return the picture in fewer tones, the darkest black and the lightest white."""
    bits = int(clamped(posterize.bits, 1, 8))
    most = 2**bits - 1
    return _by_table(image, lambda value: (int(value) >> (8 - bits)) * 255 / most)


def vignette(image: Image.Image, vignette: Vignette, _: Context) -> Image.Image:
    """Return the picture darkened, or coloured, towards the corners."""
    amount, start = clamped(vignette.amount, 0, 1), clamped(vignette.radius, 0, 1)

    def strength(distance: float) -> float:
        way = max(0.0, distance / 255 - start) / max(1e-6, 1 - start)
        return amount * 255 * way * way * (3 - 2 * way)

    mask = Image.radial_gradient("L").point([round(strength(value)) for value in range(256)])
    mask = mask.resize(image.size, Image.Resampling.BICUBIC)
    color = (*color_of(vignette.color)[:3], OPAQUE)
    alpha = image.getchannel("A") if _has_alpha(image) else None
    colored = able_to_hold(image, color).copy()
    colored.paste(ink(color, colored.mode), (0, 0), mask)
    if alpha:
        colored.putalpha(alpha)
    return colored


def _mixed(image: Image.Image, rows: Sequence[Row], amount: float) -> Image.Image:
    """Return the picture in which each colour is mixed of all, as far as `amount` says."""
    matrix: list[float] = []
    for band, row in enumerate(rows):
        own = [amount * share for share in row]
        own[band] += 1 - amount
        matrix += [*own, 0.0]
    mixed = image.convert("RGB").convert("RGB", tuple(matrix))
    if _has_alpha(image):
        mixed.putalpha(image.getchannel("A"))
    return mixed


def _by_table(image: Image.Image, tone: Callable[[float], float]) -> Image.Image:
    """Return the picture with every tone of every colour replaced."""
    table = [round(clamped(tone(value), 0, 255)) for value in range(256)]
    same = list(range(256)) if _has_alpha(image) else []
    return image.point(table * (len(image.getbands()) - bool(same)) + same)


def _has_alpha(image: Image.Image) -> bool:
    return image.mode == "RGBA"
