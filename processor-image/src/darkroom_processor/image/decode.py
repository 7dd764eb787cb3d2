"""Opening a source and decoding it once, JPEG at a reduced scale where every output allows it."""

import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from PIL import Image

from darkroom_processor.documents import Limits
from darkroom_processor.errors import Code, Rejected
from darkroom_processor.image import memory, plugins, timing
from darkroom_processor.image.colors import normal
from darkroom_processor.image.metadata import Metadata, read_metadata
from darkroom_processor.image.parts import check_parts
from darkroom_processor.image.sniff import MAGIC_LENGTH, SourceFormat, sniffed_format
from darkroom_processor.limits import MAX_FRAMES, check_memory, check_source_pixels

_ORIENTATION: Final = 0x0112
_ORIENTATIONS: Final = range(1, 9)
_COUNTED_BY_PILLOW: Final = frozenset({SourceFormat.PNG, SourceFormat.WEBP, SourceFormat.AVIF})
_METADATA_MAY_FOLLOW: Final = frozenset({SourceFormat.PNG, SourceFormat.ICO})
_TURNED_BY_DECODER: Final = frozenset({SourceFormat.TIFF, SourceFormat.HEIC})
_MAX_ICO_PIXELS: Final = 16_000_000
_DAMAGED = (
    OSError,  # also UnidentifiedImageError and EOFError's cousins in Pillow
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    struct.error,
    zlib.error,
)
"""What Pillow's plugins raise on damaged files: they were not written to agree on one."""


class Source(NamedTuple):
    """An opened source: its header is read and within the limits, its pixels are not decoded."""

    image: Image.Image
    path: str
    format: SourceFormat
    size: tuple[int, int]
    frames: int
    """Of a moving picture; 1 of any other."""
    pages: int
    """Pictures of a TIFF; 1 of any other."""
    orientation: int
    """EXIF: 1 is upright; of some PNGs only known once their pixels are decoded."""
    profile: bytes | None
    """The embedded ICC profile."""
    pixels: int
    """The limit: width x height x frames."""

    @property
    def is_moving(self) -> bool:
        """Whether it has more frames than one."""
        return self.frames > 1


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
    mode: str = "RGB"
    """Pillow's mode of the picture as it is stored."""
    metadata: Metadata | None = None
    """What the source says of itself, where somebody wants to know."""


class Draft(NamedTuple):
    """How little of a JPEG is enough."""

    size: tuple[int, int] | None
    """Smallest size that does for every output; None: all of it is needed."""
    gray: bool
    """Whether no output has colours."""


class Wanted(NamedTuple):
    """What of a source is needed."""

    draft: Draft
    frame: int = 0
    """Which frame or page."""
    deep: bool = False
    """Whether 16 bits of grey are kept."""
    metadata: bool = False
    """Whether EXIF, XMP and IPTC are needed."""


def open_source(path: str, limits: Limits) -> Source:
    """Open a file by its content and check its header; raises Rejected."""
    with open(path, "rb") as file:  # noqa: PTH123  # pathlib is slow to import
        format_ = sniffed_format(file.read(MAGIC_LENGTH))
    # By the end of a file's name Pillow finds the one plugin, and imports no other.
    named = f"{path}.{format_.value}"
    os.rename(path, named)  # noqa: PTH104  # as above
    if format_ is SourceFormat.HEIC:
        from darkroom_processor.image import heif  # noqa: PLC0415  # only who needs it pays

        heif.check_decodes(named, limits.pixels)
    check_parts(named, format_)
    image = _opened(named, format_, limits.pixels)
    try:
        frames, pages = _frames_of(image, named, format_)
        check_source_pixels(*image.size, frames, limits.pixels)
    except Rejected:
        image.close()
        raise
    is_unknown = format_ in _METADATA_MAY_FOLLOW and "exif" not in image.info
    with damage_is_rejected():
        is_turned = is_unknown or format_ in _TURNED_BY_DECODER
        orientation = 1 if is_turned else _orientation(image)
    profile = image.info.get("icc_profile")
    return Source(
        image, named, format_, image.size, frames, pages, orientation, profile, limits.pixels
    )


def reopened(source: Source) -> Source:
    """Open a source once more: each that reads frames needs its own."""
    return source._replace(image=_opened(source.path, source.format, source.pixels))


def _opened(path: str, format_: SourceFormat, pixels: int) -> Image.Image:
    # Pillow warns of odd metadata, and of sizes that are checked here already.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    most = _most(format_, pixels)
    _limit_pillow(most)
    plugins.load_reader(format_)
    with damage_is_rejected():
        try:
            return Image.open(path, formats=[plugins.PILLOW_NAMES.get(format_, format_.value)])
        except Image.DecompressionBombError as error:
            raise Rejected(
                Code.TOO_MANY_PIXELS,
                f"The source has more than {most:,} pixels, the most this processor takes of its "
                "format. Send a smaller picture.",
            ) from error


def _most(format_: SourceFormat, pixels: int) -> int:
    return min(pixels, _MAX_ICO_PIXELS) if format_ is SourceFormat.ICO else pixels


def _limit_pillow(pixels: int) -> None:
    """Let Pillow refuse more pixels by itself, where it would allocate them while it opens."""
    # It refuses what is beyond twice this number.
    Image.MAX_IMAGE_PIXELS = max(1, pixels // 2)


def _frames_of(image: Image.Image, path: str, format_: SourceFormat) -> tuple[int, int]:
    """Return the numbers of frames and of pages."""
    if format_ in _COUNTED_BY_PILLOW:
        return int(getattr(image, "n_frames", 1)), 1
    if format_ is SourceFormat.GIF:
        # Pillow would count to the end, however far that is.
        return max(1, len(timing.frame_times(path, format_))), 1
    return 1, timing.pages_of_tiff(path) if format_ is SourceFormat.TIFF else 1


def decode(source: Source, wanted: Wanted, allowed_memory: int | None) -> Base:
    """Decode the source; raises Rejected where it is damaged, or needs more memory than allowed."""
    image, scale = source.image, 1.0
    # An overlay's limit may have been set since the source was opened.
    _limit_pillow(_most(source.format, source.pixels))
    # At the end of its block the file is closed; the pixels stay.
    with damage_is_rejected(), image:
        if wanted.frame:
            _seek(source, wanted.frame)
        size = image.size
        draft = wanted.draft
        reduced = image.draft("L" if draft.gray and not source.profile else None, draft.size)
        if reduced is not None:
            scale = reduced[1][2] / size[0]
        mode = image.mode
        check_memory(_memory(source, size, image), allowed_memory)
        image.load()
        orientation = source.orientation
        if source.format in _METADATA_MAY_FOLLOW:
            orientation = _orientation(image)
        metadata = read_metadata(image) if wanted.metadata else None
        image = normal(image, keep_deep=wanted.deep)
    # Several encoders would write what they find here into their files.
    image.info = {}
    return Base(image, size, scale, orientation, source.profile, mode, metadata)


def _seek(source: Source, frame: int) -> None:
    most = max(source.frames, source.pages)
    if frame >= min(most, MAX_FRAMES):
        raise Rejected(
            Code.FRAME_MISSING,
            f"The source has {most:,} frames or pages, so there is none with the number {frame:,} "
            "(they count from 0). Ask for one that there is.",
        )
    source.image.seek(frame)
    check_source_pixels(*source.image.size, 1, source.pixels)


def _memory(source: Source, size: tuple[int, int], image: Image.Image) -> int:
    return memory.needed_to_decode(
        source.format,
        size,
        image.size,
        is_progressive=bool(source.image.info.get("progressive")),
        # Deep grey is scaled as numbers of 32 bits, and a frame lies upon the one before.
        more_copies=source.is_moving + (image.mode[0] in "IF"),
    )


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except _DAMAGED:
        return 1  # broken metadata is no reason to refuse a picture
    return value if isinstance(value, int) and value in _ORIENTATIONS else 1


@contextmanager
def damage_is_rejected() -> Iterator[None]:
    """Turn what Pillow raises on damaged files into Rejected."""
    try:
        yield
    except Rejected:
        raise
    except Image.DecompressionBombError as error:
        raise Rejected(
            Code.TOO_MANY_PIXELS,
            f"A part of the source has more pixels than it may ({error}). Send a smaller picture.",
        ) from error
    except MemoryError as error:
        raise Rejected(
            Code.OUT_OF_MEMORY,
            "A part of the source says that it is longer than the memory there is. Save it anew, "
            "or send a smaller picture.",
        ) from error
    except _DAMAGED as error:
        raise Rejected(
            Code.CORRUPT_IMAGE,
            f"The source cannot be decoded: it is damaged or ends too early ({error}). Save it "
            "anew, or upload it again.",
        ) from error
