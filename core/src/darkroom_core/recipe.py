"""The recipe: which outputs are made from a source, by which operations, in which format.

The same document is accepted by REST, by `kubectl apply` and by the processor. What the models
refuse, the API server refuses with the same sentence: each cross-field rule is written twice,
once for Python and once in CEL, side by side.
"""

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, model_validator

from darkroom_core.schema import Document, rule

MAX_SIDE: Final = 16384
MAX_OUTPUTS: Final = 64
MAX_OPERATIONS: Final = 16

Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
Color = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$", max_length=7)]


class Fit(StrEnum):
    """How a picture is brought into a box of `width` x `height`."""

    FIT = "fit"
    """As large as fits inside the box; the aspect ratio is kept, nothing is added."""
    COVER = "cover"
    """Fills the box; the aspect ratio is kept, what hangs over is cut off evenly."""
    CONTAIN = "contain"
    """As `fit`, centred on a transparent canvas of the box's size (white in JPEG)."""
    PAD = "pad"
    """As `fit`, centred on a canvas of the box's size in the `background` colour."""
    STRETCH = "stretch"
    """Exactly the box; the aspect ratio is not kept."""


class Format(StrEnum):
    """An output's file format."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"

    @property
    def media_type(self) -> str:
        """The format's media type, for example `image/webp`."""
        return f"image/{self.value}"

    @property
    def extension(self) -> str:
        """The usual end of a file's name, without a dot."""
        return "jpg" if self is Format.JPEG else self.value


class FlipDirection(StrEnum):
    """The direction in which a picture is mirrored."""

    HORIZONTAL = "horizontal"
    VERTICAL = "vertical"


_SIZE_NEEDED: Final = "resize needs a width or a height, or both"


class Resize(Document):
    """Change the size. With one side given, the other follows from the aspect ratio."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule("has(self.width) || has(self.height)", _SIZE_NEEDED),
            ]
        }
    )

    width: Side | None = Field(None, description="Width of the box, in pixels.", examples=[512])
    height: Side | None = Field(None, description="Height of the box, in pixels.", examples=[512])
    fit: Fit = Field(
        Fit.FIT,
        description="How the picture is brought into the box: fit (inside it, aspect ratio kept), "
        "cover (fills it, overhang cut off), contain (as fit, on a transparent canvas of the "
        "box's size), pad (as fit, on a canvas in the background colour), stretch (exactly the "
        "box). With one side given, all of them scale to that side.",
    )
    enlarge: bool = Field(
        default=False,
        description="Whether a picture smaller than the box may be enlarged. By default it keeps "
        "its size.",
    )
    background: Color = Field(
        "#ffffff", description="The canvas' colour for fit pad, as #rrggbb.", examples=["#101418"]
    )

    @model_validator(mode="after")
    def _has_a_side(self) -> Self:
        if self.width is None and self.height is None:
            raise ValueError(_SIZE_NEEDED)
        return self


class Crop(Document):
    """Cut out a rectangle. What lies outside the picture is left away."""

    x: Annotated[int, Field(ge=0, le=MAX_SIDE)] = Field(
        0, description="Distance of the rectangle from the left edge, in pixels."
    )
    y: Annotated[int, Field(ge=0, le=MAX_SIDE)] = Field(
        0, description="Distance of the rectangle from the upper edge, in pixels."
    )
    width: Side = Field(description="Width of the rectangle, in pixels.", examples=[800])
    height: Side = Field(description="Height of the rectangle, in pixels.", examples=[600])


class Rotate(Document):
    """Turn the picture; the canvas grows so that nothing is cut off."""

    angle: Annotated[int, Field(ge=-360, le=360)] = Field(
        description="Degrees, clockwise.", examples=[90]
    )
    background: Color = Field(
        "#ffffff", description="Colour of the corners that appear, as #rrggbb."
    )


class Flip(Document):
    """Mirror the picture."""

    direction: FlipDirection = Field(
        description="horizontal swaps left and right, vertical swaps top and bottom."
    )


class Grayscale(Document):
    """Take the colours out."""


OPERATIONS: Final = ("resize", "crop", "rotate", "flip", "grayscale")
_ONE_OPERATION: Final = (
    "each operation names exactly one of resize, crop, rotate, flip and grayscale"
)


class Operation(Document):
    """One step of an output's recipe: exactly one of its fields is set."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "[" + ", ".join(f"has(self.{name})" for name in OPERATIONS) + "]"
                    ".filter(given, given).size() == 1",
                    _ONE_OPERATION,
                )
            ]
        }
    )

    resize: Resize | None = Field(None, description="Change the size.")
    crop: Crop | None = Field(None, description="Cut out a rectangle.")
    rotate: Rotate | None = Field(None, description="Turn the picture clockwise.")
    flip: Flip | None = Field(None, description="Mirror the picture.")
    grayscale: Grayscale | None = Field(
        None, description="Take the colours out. It has no settings: write grayscale: {}."
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(getattr(self, name) is not None for name in OPERATIONS) != 1:
            raise ValueError(_ONE_OPERATION)
        return self


_NO_QUALITY: Final = "quality is for jpeg and webp; png has no such setting"
_NO_LOSSLESS: Final = "lossless is for webp; png always is, jpeg never is"
_NO_PROGRESSIVE: Final = "progressive is for jpeg"


class Output(Document):
    """One file to make."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule("!has(self.quality) || self.format in ['jpeg', 'webp']", _NO_QUALITY),
                rule("!self.lossless || self.format == 'webp'", _NO_LOSSLESS),
                rule("!self.progressive || self.format == 'jpeg'", _NO_PROGRESSIVE),
            ]
        }
    )

    name: Annotated[
        str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    ] = Field(
        description="The output's name, unique in the task: lower-case letters, digits and "
        "hyphens. It is the last part of the output's URL.",
        examples=["thumb"],
    )
    operations: Annotated[list[Operation], Field(max_length=MAX_OPERATIONS)] = Field(
        default_factory=list,
        description="The steps from the source to this output, in order. None: only the format "
        "changes.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    format: Format = Field(description="The file format: jpeg, png or webp.", examples=["webp"])
    quality: Annotated[int, Field(ge=1, le=100)] | None = Field(
        None,
        description="Encoder quality for jpeg and webp, 1 to 100. Without it the processor's own "
        "default for the format is used.",
        examples=[80],
    )
    lossless: bool = Field(default=False, description="Encode webp without loss.")
    progressive: bool = Field(default=False, description="Encode jpeg progressively.")
    auto_orient: bool = Field(
        default=True,
        description="Turn the picture upright by its EXIF orientation before all operations.",
    )

    @model_validator(mode="after")
    def _settings_suit_the_format(self) -> Self:
        if self.quality is not None and self.format is Format.PNG:
            raise ValueError(_NO_QUALITY)
        if self.lossless and self.format is not Format.WEBP:
            raise ValueError(_NO_LOSSLESS)
        if self.progressive and self.format is not Format.JPEG:
            raise ValueError(_NO_PROGRESSIVE)
        return self
