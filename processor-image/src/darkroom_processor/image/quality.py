"""Quality that is found, not given: the lowest that is like enough, the highest that fits."""

import io
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from darkroom_core.vocabulary import Format
from PIL import Image, ImageMath

from darkroom_processor.documents import Output
from darkroom_processor.errors import Code, Rejected

_BEST: Final = 100
_SAMPLE: Final = 512
"""Longest side, in pixels, at which two pictures are compared."""
_WINDOW: Final = 8
_C1: Final = (0.01 * 255) ** 2
_C2: Final = (0.03 * 255) ** 2
"""The two constants of SSIM for values up to 255."""


def aimed(
    encode_at: Callable[[int], bytes], output: Output, defaults: Mapping[Format, int]
) -> bytes:
    """Return the file at the quality that the output names, or the highest that fits."""
    usual = max(1, min(_BEST, output.quality or defaults.get(output.format, _BEST)))
    data = encode_at(usual)
    if output.max_bytes is None or len(data) <= output.max_bytes:
        return data
    return _within(encode_at, output.max_bytes, usual, is_lossless=output.lossless)


def _within(
    encode_at: Callable[[int], bytes], most: int, too_high: int, *, is_lossless: bool
) -> bytes:
    """Return the file at the highest quality below `too_high` that has at most `most` bytes."""
    found: bytes | None = None
    low, high = 1, 0 if is_lossless else too_high - 1
    while low <= high:
        # Low qualities differ much more in size than high ones: the first guesses are cheap.
        middle = (low + high) // 2
        data = encode_at(middle)
        if len(data) <= most:
            found, low = data, middle + 1
        else:
            high = middle - 1
    if found is None:
        raise Rejected(
            Code.OUTPUT_TOO_LARGE,
            f"An output does not fit into its maxBytes of {most:,}, however low its quality. "
            "Resize it, or allow it more bytes.",
        )
    return found


def alike(encode_at: Callable[[int], bytes], image: Image.Image, output: Output) -> int:
    """Return the lowest quality whose file is as similar to the picture as wanted; else 100."""
    least, format_ = output.similarity or 1.0, output.format
    reference = _sample(image)
    low, high = 1, _BEST
    while low < high:
        middle = (low + high) // 2
        with Image.open(io.BytesIO(encode_at(middle)), formats=[format_.value]) as coded:
            is_enough = _similarity(reference, _sample(coded)) >= least
        low, high = (low, middle) if is_enough else (middle + 1, high)
    return low


def similarity(one: Image.Image, other: Image.Image) -> float:
    """Return the structural similarity (SSIM) of two pictures of one size: 1 where they are alike.

    It is the mean over windows of 8 x 8 pixels of the brightness, at 512 pixels at most.
    """
    return _similarity(_sample(one), _sample(other))


def _sample(image: Image.Image) -> Image.Image:
    """Return the brightness, as numbers with fractions, of a size that is quick to compare."""
    if image.mode == "RGBA":
        # What is transparent may have any colour, and encoders give it another.
        seen = Image.new("RGBA", image.size, (128, 128, 128, 255))
        image = Image.alpha_composite(seen, image)
    gray = image.convert("RGB").convert("L") if image.mode != "L" else image
    factor = math.ceil(max(gray.size) / _SAMPLE)
    if factor > 1:
        gray = gray.reduce(factor)
    return gray.convert("F")


def _similarity(one: Image.Image, other: Image.Image) -> float:
    window = max(1, min(_WINDOW, *one.size))

    def mean(image: Image.Image) -> Image.Image:
        return image.reduce(window)

    def product(a: Image.Image, b: Image.Image) -> Image.Image:
        result: Image.Image = ImageMath.lambda_eval(lambda of: of["a"] * of["b"], a=a, b=b)
        return result

    ssim = ImageMath.lambda_eval(
        _ssim,
        x=mean(one),
        y=mean(other),
        xx=mean(product(one, one)),
        yy=mean(product(other, other)),
        xy=mean(product(one, other)),
    )
    value = ssim.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(value, float)  # noqa: S101  # mode F
    return value


def _ssim(names: Mapping[str, Any]) -> Any:  # noqa: ANN401  # Pillow's operands have no public type
    x, y = names["x"], names["y"]
    both, squares = x * y, x * x + y * y
    covariance = names["xy"] - both
    variances = names["xx"] + names["yy"] - squares
    return ((both * 2 + _C1) * (covariance * 2 + _C2)) / ((squares + _C1) * (variances + _C2))
