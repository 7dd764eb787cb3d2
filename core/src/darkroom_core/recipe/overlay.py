"""The operations that put something upon a picture: another picture, or a text."""

from typing import Annotated

from pydantic import Field

from darkroom_core.recipe.fields import Angle, Color, CompassGravity, Fraction, Offset
from darkroom_core.schema import Document
from darkroom_core.source import Source
from darkroom_core.vocabulary import Align, Font, Gravity


class Placed(Document):
    """Where something is put upon a picture, and how."""

    gravity: CompassGravity = Field(Gravity.SOUTHEAST, description="Where it is put.")
    x: Offset = Field(0, description="Pixels away from that edge; from the middle, to the right.")
    y: Offset = Field(0, description="Pixels away from that edge; from the middle, down.")
    opacity: Fraction = Field(1.0, description="From invisible (0) to opaque (1).")
    angle: Angle = Field(0.0, description="Degrees by which it is turned, clockwise.")
    tile: bool = Field(
        default=False,
        description="Whether it is repeated, whole, as often as fits into the picture; gravity "
        "then says nothing.",
    )
    spacing: Annotated[int, Field(ge=0, le=4096)] = Field(
        32, description="With tile: pixels between two of them."
    )


class Overlay(Placed):
    """Put another picture upon it, as a watermark. It is made smaller where it would stick out."""

    source: Source = Field(description="The other picture: a key in storage, or a URL.")
    size: Annotated[float, Field(ge=0.005, le=1)] | None = Field(
        None,
        description="Its width as a part of the picture's; without it, its own size.",
        examples=[0.2],
    )


class Text(Placed):
    """Write a text upon it. Lines are broken and letters made smaller, so that nothing is cut."""

    text: Annotated[str, Field(min_length=1, max_length=500)] = Field(
        description="The text, in Latin, Greek, Cyrillic, Armenian or Georgian letters; a line "
        "break begins a new line.",
        examples=["© Darkroom"],
    )
    font: Font = Field(Font.SANS, description="The typeface: sans, sans-bold, serif or mono.")
    size: Annotated[float, Field(ge=0.005, le=1)] = Field(
        0.05, description="Height of a line as a part of the picture's height."
    )
    color: Color = Field("#ffffff", description="Its colour.")
    background: Color | None = Field(
        None, description="The colour of a box behind it; none without it.", examples=["#00000080"]
    )
    align: Align = Field(Align.LEFT, description="Where its lines begin: left, center or right.")
    max_width: Annotated[float, Field(ge=0.005, le=1)] = Field(
        0.9, description="Longest line as a part of the picture's width."
    )
