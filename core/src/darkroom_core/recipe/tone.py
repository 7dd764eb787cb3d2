"""The operations that change colours and tones, pixel by pixel."""

from typing import Annotated

from pydantic import Field

from darkroom_core.recipe.fields import Color, Fraction
from darkroom_core.schema import Document

Factor = Annotated[float, Field(ge=0, le=10)]


class Grayscale(Document):
    """Take the colours out."""


class Sepia(Document):
    """Give it the brown of an old photograph."""

    amount: Fraction = Field(1.0, description="From none (0) to all (1).")


class Tint(Document):
    """Colour it: dark stays dark, light takes the colour."""

    color: Color = Field(description="The colour.", examples=["#3366cc"])
    amount: Fraction = Field(1.0, description="From none (0) to all (1).")


class Brightness(Document):
    """Make it lighter or darker."""

    factor: Factor = Field(description="0 is black, 1 changes nothing.", examples=[1.2])


class Contrast(Document):
    """Make differences of brightness larger or smaller."""

    factor: Factor = Field(description="0 is grey all over, 1 changes nothing.", examples=[1.2])


class Saturation(Document):
    """Make colours stronger or weaker."""

    factor: Factor = Field(description="0 is without colours, 1 changes nothing.", examples=[1.3])


class Gamma(Document):
    """Make the middle tones lighter or darker; black and white stay."""

    gamma: Annotated[float, Field(ge=0.1, le=10)] = Field(
        description="More than 1 is lighter.", examples=[1.4]
    )


class Invert(Document):
    """Turn it into its negative; what is transparent stays so."""


class Normalize(Document):
    """Stretch the tones from black to white (auto levels)."""

    cutoff: Annotated[float, Field(ge=0, le=20)] = Field(
        0.5, description="Percent of the darkest and of the lightest pixels that are left out."
    )
    black: Annotated[int, Field(ge=0, le=255)] | None = Field(
        None, description="The tone that becomes black; without it the picture decides."
    )
    white: Annotated[int, Field(ge=0, le=255)] | None = Field(
        None, description="The tone that becomes white; without it the picture decides."
    )


class Posterize(Document):
    """Reduce the number of tones."""

    bits: Annotated[int, Field(ge=1, le=8)] = Field(description="Bits for each channel.")


class Vignette(Document):
    """Darken it, or colour it, towards the corners."""

    amount: Fraction = Field(0.5, description="How much at the corners: none (0) to all (1).")
    radius: Fraction = Field(
        0.5, description="Where it begins: in the middle (0) to at the corners (1)."
    )
    color: Color = Field("#000000", description="The colour of the corners.")
