"""One step of a recipe."""

from typing import Final, Self

from pydantic import ConfigDict, Field, model_validator

from darkroom_core.recipe.effects import Blur, Pixelate, Sharpen, Unsharp
from darkroom_core.recipe.geometry import (
    Border,
    Circle,
    Crop,
    Extend,
    Flatten,
    Flip,
    Resize,
    Rotate,
    RoundCorners,
    Trim,
)
from darkroom_core.recipe.overlay import Overlay, Text
from darkroom_core.recipe.tone import (
    Brightness,
    Contrast,
    Gamma,
    Grayscale,
    Invert,
    Normalize,
    Posterize,
    Saturation,
    Sepia,
    Tint,
    Vignette,
)
from darkroom_core.schema import Document, exactly_one

MAX_OPERATIONS: Final = 16
_ONE_OPERATION: Final = "each operation names exactly one thing to do, for example resize"


class Operation(Document):
    """One step of an output's recipe: exactly one of its fields is set."""

    model_config = ConfigDict(json_schema_extra=exactly_one(_ONE_OPERATION))

    resize: Resize | None = Field(None, description="Change the size.")
    crop: Crop | None = Field(None, description="Cut out a rectangle.")
    trim: Trim | None = Field(None, description="Cut off borders of one colour.")
    extend: Extend | None = Field(None, description="Add space around the picture.")
    rotate: Rotate | None = Field(None, description="Turn the picture clockwise.")
    flip: Flip | None = Field(None, description="Mirror the picture.")
    border: Border | None = Field(None, description="Add a frame.")
    round_corners: RoundCorners | None = Field(None, description="Make the corners round.")
    circle: Circle | None = Field(None, description="Cut out a circle: circle: {}.")
    flatten: Flatten | None = Field(None, description="Put it on a background.")
    grayscale: Grayscale | None = Field(None, description="Take the colours out: grayscale: {}.")
    sepia: Sepia | None = Field(None, description="Give it the brown of an old photograph.")
    tint: Tint | None = Field(None, description="Colour it.")
    brightness: Brightness | None = Field(None, description="Make it lighter or darker.")
    contrast: Contrast | None = Field(None, description="Change differences of brightness.")
    saturation: Saturation | None = Field(None, description="Change the strength of colours.")
    gamma: Gamma | None = Field(None, description="Change the middle tones.")
    invert: Invert | None = Field(None, description="Turn it into its negative: invert: {}.")
    normalize: Normalize | None = Field(None, description="Stretch its tones (auto levels).")
    posterize: Posterize | None = Field(None, description="Reduce the number of tones.")
    vignette: Vignette | None = Field(None, description="Darken the corners.")
    blur: Blur | None = Field(None, description="Blur it.")
    sharpen: Sharpen | None = Field(None, description="Sharpen it a little.")
    unsharp: Unsharp | None = Field(None, description="Sharpen it by an unsharp mask.")
    pixelate: Pixelate | None = Field(None, description="Make it of large squares.")
    overlay: Overlay | None = Field(None, description="Put another picture upon it.")
    text: Text | None = Field(None, description="Write a text upon it.")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(value is not None for _, value in self) != 1:
            raise ValueError(_ONE_OPERATION)
        return self
