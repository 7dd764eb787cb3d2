"""How much memory it takes to decode a source, told by its header alone, or to encode an output."""

from typing import Final

from darkroom_core.vocabulary import Format

from darkroom_processor.image.sniff import SourceFormat

BASE: Final = 48 * 2**20
"""What the process needs before any pixels."""
_BYTES_PER_PIXEL: Final = 4
"""Pillow keeps colours in four bytes, whatever the file has."""
_COEFFICIENT_BYTES: Final = 6
_COPIES: Final = {
    # Each scan line is decoded straight into the picture; later steps need a smaller copy.
    SourceFormat.JPEG: 1,
    SourceFormat.BMP: 2,
    SourceFormat.PNG: 2,
    # The decoder's own picture and what it works with, its copy as bytes, and Pillow's.
    SourceFormat.WEBP: 4,
    SourceFormat.AVIF: 4,
    SourceFormat.HEIC: 4,
    # What is shown, what was shown before, the frame and its colours.
    SourceFormat.GIF: 4,
    # A strip or tile may be as large as the whole picture.
    SourceFormat.TIFF: 3,
    SourceFormat.ICO: 3,
}
"""Pictures alive at once while a source is decoded."""


_TO_ENCODE: Final = {Format.AVIF: 22, Format.WEBP: 6}
"""Bytes for each pixel, beside the picture: these encoders look at all of it at once."""


def needed_to_encode(format_: Format, size: tuple[int, int]) -> int:
    """Return an estimate in bytes, with the picture itself."""
    return BASE + size[0] * size[1] * (_BYTES_PER_PIXEL + _TO_ENCODE.get(format_, 2))


def needed_to_decode(
    format_: SourceFormat,
    stored: tuple[int, int],
    decoded: tuple[int, int],
    *,
    is_progressive: bool = False,
    more_copies: int = 0,
) -> int:
    """Return an estimate in bytes; `decoded` is smaller than `stored` for a reduced JPEG."""
    copies = _COPIES[format_] + more_copies
    needed = BASE + decoded[0] * decoded[1] * _BYTES_PER_PIXEL * copies
    if is_progressive:
        # libjpeg keeps all coefficients of a progressive picture, whatever the scale.
        needed += stored[0] * stored[1] * _COEFFICIENT_BYTES
    return needed
