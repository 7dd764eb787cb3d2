"""Short hashes of how a picture looks: BlurHash, ThumbHash and a difference hash.

The first two are placeholders that a page shows until the picture is there, by their published
algorithms (blurha.sh, evanw.github.io/thumbhash); the third finds pictures that look alike. All
want a small picture: 100 pixels at most, and 32 are enough.
"""

import base64
import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from PIL import Image

_DIGITS: Final = (
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
)
_LINEAR: Final = tuple(
    v / 255 / 12.92 if v / 255 <= 0.04045 else ((v / 255 + 0.055) / 1.055) ** 2.4  # noqa: PLR2004
    for v in range(256)
)
"""Light for each value of sRGB."""
_COLUMNS, _ROWS = 4, 3
_BITS: Final = 8
_OPAQUE: Final = 255

Factors = list[list[float]]
"""Rows of factors of a cosine transform."""


def difference_hash(image: Image.Image) -> str:
    """Return 64 bits in hexadecimal: whether each of 8 x 8 fields is brighter than its left one.

    Pictures that look alike differ in few bits, whatever their size, format and quality.
    """
    small = image.convert("L").resize((_BITS + 1, _BITS), Image.Resampling.BOX)
    values = small.tobytes()
    bits = 0
    for row in range(_BITS):
        at = row * (_BITS + 1)
        for column in range(_BITS):
            bits = bits << 1 | (values[at + column + 1] > values[at + column])
    return f"{bits:016x}"


def blur_hash(image: Image.Image) -> str:
    """Return the BlurHash of a small picture in RGB, with 4 x 3 components."""
    width, height = image.size
    data = image.tobytes()
    across, down = _waves(width, _COLUMNS), _waves(height, _ROWS)
    channels = [
        _factors([_LINEAR[v] for v in data[band::3]], width, across, down) for band in range(3)
    ]
    size = width * height
    colors = [
        tuple(channel[y][x] * (2 if x or y else 1) / size for channel in channels)
        for y in range(_ROWS)
        for x in range(_COLUMNS)
    ]
    most = max(abs(value) for color in colors[1:] for value in color)
    quantised = max(0, min(82, math.floor(most * 166 - 0.5)))
    scale = (quantised + 1) / 166
    parts = [
        _digits(_COLUMNS - 1 + (_ROWS - 1) * 9, 1),
        _digits(quantised, 1),
        _digits(sum(_srgb(v) << shift for v, shift in zip(colors[0], (16, 8, 0), strict=True)), 4),
    ]
    for color in colors[1:]:
        red, green, blue = (_signed(value / scale) for value in color)
        parts.append(_digits((red * 19 + green) * 19 + blue, 2))
    return "".join(parts)


def _digits(value: int, length: int) -> str:
    text = ""
    for _ in range(length):
        value, digit = divmod(value, len(_DIGITS))
        text = _DIGITS[digit] + text
    return text


def _srgb(light: float) -> int:
    light = max(0.0, min(1.0, light))
    curved = light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055  # noqa: PLR2004
    return int(curved * 255 + 0.5)


def _signed(value: float) -> int:
    root = math.copysign(math.sqrt(abs(value)), value)
    return max(0, min(18, math.floor(root * 9 + 9.5)))


def _waves(length: int, number: int, shift: float = 0.0) -> Factors:
    return [
        [math.cos(math.pi * n * (i + shift) / length) for i in range(length)] for n in range(number)
    ]


def _factors(values: Sequence[float], width: int, across: Factors, down: Factors) -> Factors:
    """Return the sums of a channel times each pair of waves: rows first, so that it is quick."""
    rows = [values[at : at + width] for at in range(0, len(values), width)]
    sums = [[sum(map(float.__mul__, wave, row)) for row in rows] for wave in across]
    return [[sum(map(float.__mul__, wave, column)) for column in sums] for wave in down]


class _Channel(NamedTuple):
    """A channel as ThumbHash keeps it."""

    mean: float
    waves: list[float]
    """From 0 to 1."""
    scale: float


def thumb_hash(image: Image.Image) -> str:
    """Return the ThumbHash of a small picture in RGBA, in Base64."""
    width, height = image.size
    light, yellow, red, alpha = _channels(image)
    has_alpha = sum(alpha) < len(alpha)
    limit = 5 if has_alpha else 7
    longer = max(width, height)
    columns = max(1, _rounded(limit * width / longer))
    rows = max(1, _rounded(limit * height / longer))

    def coded(values: list[float], x: int, y: int) -> _Channel:
        return _coded(values, width, height, x, y)

    l = coded(light, max(3, columns), max(3, rows))  # noqa: E741  # the names of the algorithm
    p, q = coded(yellow, 3, 3), coded(red, 3, 3)
    is_landscape = width > height
    head = (
        _rounded(63 * l.mean)
        | _rounded(31.5 + 31.5 * p.mean) << 6
        | _rounded(31.5 + 31.5 * q.mean) << 12
        | _rounded(31 * l.scale) << 18
        | has_alpha << 23
    )
    more = (
        (rows if is_landscape else columns)
        | _rounded(63 * p.scale) << 3
        | _rounded(63 * q.scale) << 9
        | is_landscape << 15
    )
    found = bytearray(head.to_bytes(3, "little") + more.to_bytes(2, "little"))
    channels = [l, p, q]
    if has_alpha:
        a = coded(alpha, 5, 5)
        channels.append(a)
        found.append(_rounded(15 * a.mean) | _rounded(15 * a.scale) << 4)
    waves = [_rounded(15 * wave) for channel in channels for wave in channel.waves]
    waves += [0] * (len(waves) % 2)
    found += bytes(low | high << 4 for low, high in zip(waves[::2], waves[1::2], strict=True))
    return base64.b64encode(bytes(found)).decode()


def _rounded(value: float) -> int:
    """Round halves up, as the reference implementation does."""
    return math.floor(value + 0.5)


def _channels(image: Image.Image) -> tuple[list[float], list[float], list[float], list[float]]:
    """Return brightness, yellow against blue, red against green, and what is opaque."""
    data = image.tobytes()
    alpha = [value / _OPAQUE for value in data[3::4]]
    whole = sum(alpha)
    bands = [[value / _OPAQUE for value in data[band::4]] for band in range(3)]
    if whole < len(alpha):
        bands = [_upon_its_mean(band, alpha, whole) for band in bands]
    light, yellow, red = [], [], []
    for r, g, b in zip(*bands, strict=True):
        light.append((r + g + b) / 3)
        yellow.append((r + g) / 2 - b)
        red.append(r - g)
    return light, yellow, red, alpha


def _upon_its_mean(band: list[float], alpha: list[float], whole: float) -> list[float]:
    mean = sum(map(float.__mul__, band, alpha)) / whole if whole else 0.0
    return [mean * (1 - a) + a * value for value, a in zip(band, alpha, strict=True)]


def _coded(values: list[float], width: int, height: int, columns: int, rows: int) -> _Channel:
    across, down = _waves(width, columns, 0.5), _waves(height, rows, 0.5)
    factors = _factors(values, width, across, down)
    size = width * height
    waves = [
        factors[y][x] / size
        for y in range(rows)
        for x in range(columns)
        if x * rows < columns * (rows - y)
    ]
    mean, rest = waves[0], waves[1:]
    scale = max(0.0, *(abs(wave) for wave in rest))
    if scale:
        rest = [0.5 + 0.5 / scale * wave for wave in rest]
    return _Channel(mean, rest, scale)
