"""The kinds of values that many operations share."""

from typing import Annotated, Final

from pydantic import Field

from darkroom_core.schema import Document
from darkroom_core.vocabulary import COMPASS, Gravity

MAX_SIDE: Final = 16384
MAX_NAME: Final = 63

Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
Offset = Annotated[int, Field(ge=-MAX_SIDE, le=MAX_SIDE)]
Color = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?$", max_length=9)]
"""#rrggbb, or #rrggbbaa where it may be translucent."""
Fraction = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[int, Field(ge=0, le=100)]
Angle = Annotated[float, Field(ge=-360, le=360)]

CompassGravity = Annotated[Gravity, Field(json_schema_extra={"enum": [g.value for g in COMPASS]})]
"""A gravity that does not look at the picture."""


class Point(Document):
    """A place in a picture, whatever its size."""

    x: Fraction = Field(description="From the left edge (0) to the right one (1).")
    y: Fraction = Field(description="From the upper edge (0) to the lower one (1).")
