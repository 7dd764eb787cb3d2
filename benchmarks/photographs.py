"""Photographs that nobody took: made, the same on every machine, with a camera's amount of detail.

"Dead leaves" (discs of all sizes that cover each other, each with a grain of its own) have the
edges and the spectrum of natural pictures; a sensor's noise on top gives a JPEG of quality 90 the
0.3 to 0.5 bytes for each pixel that cameras write.
"""

import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from PIL import Image, ImageChops, ImageDraw, ImageFilter

SIZES: Final[Mapping[str, tuple[int, int]]] = {
    "0.5": (866, 577),
    "2": (1732, 1155),
    "6": (3000, 2000),
    "8": (3464, 2309),
    "24": (6000, 4000),
}
"""Megapixels and sides, 3:2 as cameras have them."""
_SEED: Final = 1839
_LEAVES: Final = 9000
_SMALLEST, _LARGEST = 6, 900
_QUALITY: Final = 90


def make(folder: Path) -> dict[str, Path]:
    """Return the files by their megapixels; what is there already is kept."""
    files = {name: folder / f"photograph-{name}.jpg" for name in SIZES}
    if not all(file.exists() for file in files.values()):
        folder.mkdir(parents=True, exist_ok=True)
        scene = _leaves(SIZES["24"])
        for name, file in files.items():
            picture = scene.resize(SIZES[name], Image.Resampling.LANCZOS)
            _with_noise(picture).save(file, quality=_QUALITY)
    return files


def _leaves(size: tuple[int, int]) -> Image.Image:
    chance = random.Random(_SEED)  # noqa: S311  # a picture, not a secret
    canvas = Image.linear_gradient("L").resize(size).convert("RGB")
    draw = ImageDraw.Draw(canvas)
    width, height = size
    for _ in range(_LEAVES):
        # Radii by a power law: this is what makes edges at every scale.
        least, most = _SMALLEST**-1.2, _LARGEST**-1.2
        radius = (most + chance.random() * (least - most)) ** (-1 / 1.2)
        x, y = chance.random() * width, chance.random() * height
        flat = 0.4 + 0.6 * chance.random()
        tone = chance.random() ** 1.4
        color = tuple(round(255 * min(1, tone * chance.uniform(0.7, 1.3))) for _ in range(3))
        draw.ellipse((x - radius, y - radius * flat, x + radius, y + radius * flat), fill=color)
    return _with_texture(canvas.filter(ImageFilter.GaussianBlur(0.8)), chance)


def _with_texture(picture: Image.Image, chance: random.Random) -> Image.Image:
    """Add grain of several sizes, as bark, sand and cloth have it."""
    gray = Image.new("RGB", picture.size, (128, 128, 128))
    for step, strength in ((2, 0.10), (4, 0.10), (16, 0.10), (128, 0.18)):
        size = math.ceil(picture.width / step), math.ceil(picture.height / step)
        grain = Image.frombytes("L", size, chance.randbytes(size[0] * size[1]))
        layer = grain.resize(picture.size, Image.Resampling.BICUBIC).convert("RGB")
        picture = ImageChops.soft_light(picture, Image.blend(gray, layer, strength * 4))
    return picture


def _with_noise(picture: Image.Image) -> Image.Image:
    """Add what a sensor adds: noise in each channel, softened by the making of its colours."""
    chance = random.Random(_SEED)  # noqa: S311  # as above
    noise = Image.frombytes(
        "RGB", picture.size, chance.randbytes(3 * picture.width * picture.height)
    )
    soft = noise.filter(ImageFilter.GaussianBlur(0.6))
    return ImageChops.add(picture, soft.point(lambda value: (value - 128) // 8 + 16), offset=-16)
