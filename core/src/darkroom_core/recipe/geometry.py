"""The operations that change a picture's size, cut, turn or frame it."""

from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, model_validator

from darkroom_core.recipe.fields import MAX_SIDE, Angle, Color, Point, Side
from darkroom_core.schema import Document, rule
from darkroom_core.vocabulary import Filter, Fit, FlipDirection, Gravity

_SIZE_NEEDED: Final = "resize needs a width, a height or a scale"
_SCALE_ALONE: Final = "resize takes a scale, or a width and a height, not both"
_ONE_CROP: Final = "crop takes an aspect, or both a width and a height"
_PLACED_ONCE: Final = "focus and gravity both say which part stays; give one"


class Resize(Document):
    """Change the size. With one side given, the other follows from the aspect ratio."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule("has(self.width) || has(self.height) || has(self.scale)", _SIZE_NEEDED),
                rule("!has(self.scale) || !(has(self.width) || has(self.height))", _SCALE_ALONE),
            ]
        }
    )

    width: Side | None = Field(None, description="Width of the box, in pixels.", examples=[512])
    height: Side | None = Field(None, description="Height of the box, in pixels.", examples=[512])
    scale: Annotated[float, Field(ge=0.001, le=16)] | None = Field(
        None,
        description="Instead of a box: by how much both sides are multiplied. More than 1 always "
        "enlarges.",
    )
    fit: Fit = Field(
        Fit.FIT,
        description="How the picture is brought into the box: fit (inside it, aspect ratio kept), "
        "outside (as small as covers it, nothing cut off), cover (fills it, overhang cut off), "
        "contain (as fit, on a transparent canvas of the box's size), pad (as fit, on a canvas in "
        "the background colour), stretch (exactly the box). With one side given, all of them scale "
        "to that side.",
    )
    gravity: Gravity = Field(
        Gravity.CENTER,
        description="Which part stays with fit cover, and where the picture is put with contain "
        "and pad: a point of the compass, entropy (most detail) or attention (what draws the "
        "eye).",
    )
    focus: Point | None = Field(
        None, description="With fit cover: the point that stays as near to the middle as can be."
    )
    enlarge: bool = Field(
        default=False,
        description="Whether a picture smaller than the box may be enlarged. By default it keeps "
        "its size.",
    )
    dpr: Annotated[float, Field(ge=0.25, le=8)] = Field(
        1.0, description="Device pixel ratio: width, height or scale are multiplied by it."
    )
    filter: Filter = Field(Filter.LANCZOS, description="How new pixels are made from old ones.")
    background: Color = Field(
        "#ffffff", description="The canvas' colour for fit pad.", examples=["#101418"]
    )

    @model_validator(mode="after")
    def _has_a_size(self) -> Self:
        has_side = self.width is not None or self.height is not None
        if not has_side and self.scale is None:
            raise ValueError(_SIZE_NEEDED)
        if has_side and self.scale is not None:
            raise ValueError(_SCALE_ALONE)
        return self


class Crop(Document):
    """Cut out a rectangle. What lies outside the picture is left away."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "has(self.aspect) ? !has(self.width) && !has(self.height) : "
                    "has(self.width) && has(self.height)",
                    _ONE_CROP,
                )
            ]
        }
    )

    x: Annotated[int, Field(ge=0, le=MAX_SIDE)] | None = Field(
        None,
        description="Distance of the rectangle from the left edge, in pixels. Without it gravity "
        "decides.",
    )
    y: Annotated[int, Field(ge=0, le=MAX_SIDE)] | None = Field(
        None,
        description="Distance of the rectangle from the upper edge, in pixels. Without it gravity "
        "decides.",
    )
    width: Side | None = Field(None, description="Width in pixels.", examples=[800])
    height: Side | None = Field(None, description="Height in pixels.", examples=[600])
    aspect: (
        Annotated[str, Field(pattern=r"^[1-9][0-9]{0,3}:[1-9][0-9]{0,3}$", max_length=9)] | None
    ) = Field(
        None,
        description="Instead of a size: the largest rectangle of this ratio, width to height.",
        examples=["16:9"],
    )
    gravity: Gravity = Field(
        Gravity.CENTER,
        description="Where the rectangle lies when x or y is not given: a point of the compass, "
        "entropy or attention.",
    )
    focus: Point | None = Field(
        None, description="Instead of gravity: the point to be as near to the middle as can be."
    )

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        sides = [self.width is not None, self.height is not None]
        if any(sides) if self.aspect is not None else not all(sides):
            raise ValueError(_ONE_CROP)
        return self


class Trim(Document):
    """Cut off borders of one colour."""

    threshold: Annotated[int, Field(ge=0, le=255)] = Field(
        10, description="How much a pixel may differ from the border's colour, in any channel."
    )
    color: Color | None = Field(
        None, description="The border's colour; without it that of the upper left pixel."
    )


class Extend(Document):
    """Add space around the picture."""

    top: Annotated[int, Field(ge=0, le=MAX_SIDE)] = Field(0, description="Pixels above.")
    right: Annotated[int, Field(ge=0, le=MAX_SIDE)] = Field(0, description="Pixels to the right.")
    bottom: Annotated[int, Field(ge=0, le=MAX_SIDE)] = Field(0, description="Pixels below.")
    left: Annotated[int, Field(ge=0, le=MAX_SIDE)] = Field(0, description="Pixels to the left.")
    background: Color = Field(
        "#ffffff", description="Its colour; #00000000 is transparent.", examples=["#00000000"]
    )


class Rotate(Document):
    """Turn the picture; the canvas grows so that nothing is cut off."""

    angle: Angle = Field(description="Degrees, clockwise.", examples=[90])
    background: Color = Field("#ffffff", description="Colour of the corners that appear.")


class Flip(Document):
    """Mirror the picture."""

    direction: FlipDirection = Field(
        description="horizontal swaps left and right, vertical swaps top and bottom."
    )


class Border(Document):
    """Add a frame around the picture."""

    width: Annotated[int, Field(ge=1, le=1024)] = Field(description="Its width, in pixels.")
    color: Color = Field("#000000", description="Its colour.")


class RoundCorners(Document):
    """Make the corners round; what is cut off is transparent (white in JPEG)."""

    radius: Annotated[int, Field(ge=1, le=MAX_SIDE)] = Field(
        description="Radius in pixels; at most half of the shorter side has an effect.",
        examples=[24],
    )


class Circle(Document):
    """Cut out the largest circle or, of a picture that is not square, ellipse."""


class Flatten(Document):
    """Put the picture on a background, so that nothing is transparent."""

    background: Color = Field("#ffffff", description="The background's colour.")
