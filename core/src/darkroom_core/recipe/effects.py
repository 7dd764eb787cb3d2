"""The operations that look at a pixel's neighbours."""

from typing import Annotated

from pydantic import Field

from darkroom_core.schema import Document


class Blur(Document):
    """Blur it (Gaussian)."""

    sigma: Annotated[float, Field(ge=0.1, le=250)] = Field(
        description="Standard deviation, in pixels.", examples=[3]
    )


class Sharpen(Document):
    """Sharpen it a little, as after a resize."""

    amount: Annotated[float, Field(ge=0, le=10)] = Field(
        1.0, description="0 changes nothing, 1 is for a picture that was made smaller."
    )


class Unsharp(Document):
    """Sharpen it by an unsharp mask."""

    radius: Annotated[float, Field(ge=0.1, le=100)] = Field(
        2.0, description="Radius of the blur, in pixels."
    )
    percent: Annotated[int, Field(ge=1, le=500)] = Field(150, description="Strength.")
    threshold: Annotated[int, Field(ge=0, le=255)] = Field(
        3, description="Smallest difference of brightness that is sharpened."
    )


class Pixelate(Document):
    """Make it of large squares."""

    size: Annotated[int, Field(ge=2, le=1024)] = Field(
        description="Side of a square, in pixels.", examples=[12]
    )
