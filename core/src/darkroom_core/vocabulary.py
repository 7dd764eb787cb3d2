"""The words of a recipe: every choice that is one of a few.

Nothing is imported but the standard library, so that a processor, which pays for its imports at
every start, shares them with the models.
"""

from enum import StrEnum
from typing import Final


class TaskType(StrEnum):
    """What kind of work a task is."""

    IMAGE = "Image"
    """Make pictures of a picture."""
    INSPECT = "Inspect"
    """Tell the facts of a picture or video, and make nothing."""
    VIDEO = "Video"
    """Make pictures and videos of a video."""
    REPORT = "Report"
    """Make a PDF of many pictures."""
    EXPORT = "Export"
    """Make tables of JSON lines, or a ZIP of many files."""
    CLEANUP = "Cleanup"
    """Remove stored files that are older than an age."""


class Fit(StrEnum):
    """How a picture is brought into a box of `width` x `height`."""

    FIT = "fit"
    """As large as fits inside the box; the aspect ratio is kept, nothing is added."""
    OUTSIDE = "outside"
    """As small as covers the box; the aspect ratio is kept, nothing is cut off."""
    COVER = "cover"
    """Fills the box; the aspect ratio is kept, what hangs over is cut off."""
    CONTAIN = "contain"
    """As `fit`, placed on a transparent canvas of the box's size (white in JPEG)."""
    PAD = "pad"
    """As `fit`, placed on a canvas of the box's size in the `background` colour."""
    STRETCH = "stretch"
    """Exactly the box; the aspect ratio is not kept."""


class Filter(StrEnum):
    """How pixels are made from pixels when the size changes."""

    NEAREST = "nearest"
    """The nearest pixel: hard edges, for drawings made of pixels."""
    BOX = "box"
    """The average of the pixels that are covered."""
    BILINEAR = "bilinear"
    """Soft."""
    HAMMING = "hamming"
    """As quick as bilinear, nearly as sharp as bicubic when it makes smaller."""
    BICUBIC = "bicubic"
    """Sharp."""
    LANCZOS = "lanczos"
    """Sharpest."""


class Gravity(StrEnum):
    """Which part of a picture stays, or where something is put."""

    CENTER = "center"
    NORTH = "north"
    NORTHEAST = "northeast"
    EAST = "east"
    SOUTHEAST = "southeast"
    SOUTH = "south"
    SOUTHWEST = "southwest"
    WEST = "west"
    NORTHWEST = "northwest"
    ENTROPY = "entropy"
    """The part with most detail."""
    ATTENTION = "attention"
    """The part that draws the eye: edges, saturated colours and the tones of skin."""


COMPASS: Final = tuple(g for g in Gravity if g not in {Gravity.ENTROPY, Gravity.ATTENTION})
"""The gravities that do not look at the picture."""


class FlipDirection(StrEnum):
    """The direction in which a picture is mirrored."""

    HORIZONTAL = "horizontal"
    VERTICAL = "vertical"


class Font(StrEnum):
    """The typefaces that the processor carries."""

    SANS = "sans"
    SANS_BOLD = "sans-bold"
    SERIF = "serif"
    MONO = "mono"


class Align(StrEnum):
    """Where the lines of a text begin."""

    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"


class Subsampling(StrEnum):
    """How many colour samples there are for each sample of brightness."""

    FULL = "4:4:4"
    HALF = "4:2:2"
    QUARTER = "4:2:0"


class Metadata(StrEnum):
    """What an output keeps of the source's metadata."""

    STRIP = "strip"
    """Nothing."""
    COPYRIGHT = "copyright"
    """Author, copyright and licence."""
    KEEP = "keep"
    """EXIF and XMP, but for the place, the embedded preview and the orientation."""


class ColorProfile(StrEnum):
    """In which colour space an output's pixels are."""

    SRGB = "srgb"
    """Converted to sRGB by the source's ICC profile; no profile is embedded."""
    KEEP = "keep"
    """Left as they are; the source's profile is embedded."""


class Animation(StrEnum):
    """What becomes of the frames of a moving source."""

    KEEP = "keep"
    """All frames, where the format can hold them."""
    FIRST = "first"
    """The first frame alone."""


class Format(StrEnum):
    """An output's file format."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    AVIF = "avif"
    GIF = "gif"
    TIFF = "tiff"
    BMP = "bmp"
    ICO = "ico"
    PDF = "pdf"
    HTML = "html"
    """The snippet of a responsive set."""
    MP4 = "mp4"
    WEBM = "webm"
    VTT = "vtt"
    """The times of a storyboard's pictures."""
    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"
    ZIP = "zip"
    JSON = "json"
    """The facts of a task."""

    @property
    def media_type(self) -> str:
        """The format's media type, for example `image/webp`."""
        return _MEDIA_TYPES.get(self, f"image/{self.value}")

    @property
    def extension(self) -> str:
        """The usual end of a file's name, without a dot."""
        return "jpg" if self is Format.JPEG else self.value


_MEDIA_TYPES: Final = {
    Format.ICO: "image/vnd.microsoft.icon",
    Format.PDF: "application/pdf",
    Format.HTML: "text/html",
    Format.MP4: "video/mp4",
    Format.WEBM: "video/webm",
    Format.VTT: "text/vtt",
    Format.CSV: "text/csv",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.ZIP: "application/zip",
    Format.JSON: "application/json",
}

PICTURES: Final = (
    Format.JPEG, Format.PNG, Format.WEBP, Format.AVIF, Format.GIF, Format.TIFF, Format.BMP,
    Format.ICO, Format.PDF,
)  # fmt: skip
"""The formats that an output of type Image can have."""
MOVIES: Final = (Format.MP4, Format.WEBM)
TABLES: Final = (Format.CSV, Format.XLSX, Format.PARQUET, Format.ZIP)


class VideoCodec(StrEnum):
    """How a video's pictures are encoded."""

    H264 = "h264"
    VP9 = "vp9"
    AV1 = "av1"


class Paper(StrEnum):
    """The size of a page."""

    A4 = "a4"
    LETTER = "letter"
