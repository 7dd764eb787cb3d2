"""Opening a source and decoding it once, JPEG at a reduced scale where every output allows it."""

import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from darkroom_core.vocabulary import Format
from PIL import Image

from darkroom_processor.documents import Limits
from darkroom_processor.errors import Code, Rejected
from darkroom_processor.image.colors import eight_bit
from darkroom_processor.limits import (
    MAGIC_LENGTH,
    check_memory,
    check_source_pixels,
    sniffed_format,
)

_ORIENTATION: Final = 0x0112
_BASE_MEMORY: Final = 48 * 2**20
_BYTES_PER_PIXEL: Final = 4
# Pictures alive at once while decoding: libwebp's canvas, its copy as bytes, and Pillow's.
_COPIES: Final = {Format.JPEG: 1, Format.PNG: 2, Format.WEBP: 3}
_COEFFICIENT_BYTES: Final = 6
_DAMAGED = (
    OSError,  # also UnidentifiedImageError and EOFError's cousins in Pillow
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RuntimeError,
    struct.error,
    zlib.error,
)
"""What Pillow's plugins raise on damaged files: they were not written to agree on one."""


class Source(NamedTuple):
    """An opened source: its header is read and within the limits, its pixels are not decoded."""

    image: Image.Image
    format: Format
    size: tuple[int, int]
    frames: int
    orientation: int
    """EXIF: 1 is upright."""
    profile: bytes | None
    """The embedded ICC profile."""


class Base(NamedTuple):
    """The decoded picture that every output starts from."""

    image: Image.Image
    """Its pixels, perhaps at a reduced scale, not turned upright."""
    size: tuple[int, int]
    """The source's own size, which the recipe is about."""
    scale: float
    """Pixels of the image for each of the source."""
    orientation: int
    """EXIF: 1 is upright."""
    profile: bytes | None
    """The embedded ICC profile."""


class Draft(NamedTuple):
    """How little of a JPEG is enough."""

    size: tuple[int, int] | None
    """Smallest size that does for every output; None: all of it is needed."""
    gray: bool
    """Whether no output has colours."""


def open_source(path: str, limits: Limits) -> Source:
    """Open a file by its content and check its header; raises Rejected."""
    with open(path, "rb") as file:  # noqa: PTH123  # pathlib is slow to import
        format_ = sniffed_format(file.read(MAGIC_LENGTH))
    # By the end of a file's name Pillow finds the one plugin, and imports no other.
    named = f"{path}.{format_.extension}"
    os.rename(path, named)  # noqa: PTH104  # as above
    # Beyond twice this number Pillow refuses by itself, where it would allocate while it opens.
    Image.MAX_IMAGE_PIXELS = max(1, limits.pixels // 2)
    with _damage_is_rejected():
        try:
            image = Image.open(named, formats=[format_.value])
        except Image.DecompressionBombError as error:
            raise Rejected(
                Code.TOO_MANY_PIXELS,
                f"The source has more than {limits.pixels:,} pixels, the most this processor "
                "takes. Send a smaller picture.",
            ) from error
    frames = int(getattr(image, "n_frames", 1))
    try:
        check_source_pixels(*image.size, frames, limits.pixels)
    except Rejected:
        image.close()
        raise
    # Elsewhere than in JPEG the metadata may follow the pixels, and is read when these are decoded.
    with _damage_is_rejected():
        orientation = _orientation(image) if format_ is Format.JPEG else 1
    return Source(image, format_, image.size, frames, orientation, image.info.get("icc_profile"))


def decode(source: Source, draft: Draft, allowed_memory: int | None) -> Base:
    """Decode the source; raises Rejected where it is damaged, or needs more memory than allowed."""
    image, scale, orientation = source.image, 1.0, source.orientation
    # At the end of its block the file is closed; the pixels stay.
    with _damage_is_rejected(), image:
        reduced = image.draft("L" if draft.gray and not source.profile else None, draft.size)
        if reduced is not None:
            scale = reduced[1][2] / source.size[0]
        check_memory(_memory(source, image), allowed_memory)
        image.load()
        if source.format is not Format.JPEG:
            orientation = _orientation(image)
        image = eight_bit(image)
    # Several encoders would write what they find here into their files.
    image.info = {}
    return Base(image, source.size, scale, orientation, source.profile)


def _memory(source: Source, image: Image.Image) -> int:
    pixels = image.width * image.height
    needed = _BASE_MEMORY + pixels * _BYTES_PER_PIXEL * _COPIES[source.format]
    if source.image.info.get("progressive"):
        # libjpeg keeps all coefficients of a progressive picture, whatever the scale.
        needed += source.size[0] * source.size[1] * _COEFFICIENT_BYTES
    return needed


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except _DAMAGED:
        return 1  # broken metadata is no reason to refuse a picture
    return value if isinstance(value, int) else 1


@contextmanager
def _damage_is_rejected() -> Iterator[None]:
    try:
        # Pillow warns of odd metadata, and of sizes that are checked here already.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Rejected:
        raise
    except _DAMAGED as error:
        raise Rejected(
            Code.CORRUPT_IMAGE,
            f"The source cannot be decoded: it is damaged or ends too early ({error}). Save it "
            "anew, or upload it again.",
        ) from error
