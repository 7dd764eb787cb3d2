"""The kinds of values that many operations share."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, Field

from darkroom_core.schema import Document
from darkroom_core.vocabulary import COMPASS, Gravity

ChoiceT = TypeVar("ChoiceT", bound=StrEnum)
MAX_SIDE: Final = 16384
MAX_NAME: Final = 63

Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
Offset = Annotated[int, Field(ge=-MAX_SIDE, le=MAX_SIDE)]
Color = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?$", max_length=9)]
"""#rrggbb, or #rrggbbaa where it may be translucent."""
Fraction = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[int, Field(ge=0, le=100)]
Angle = Annotated[float, Field(ge=-360, le=360)]


def among(*choices: ChoiceT) -> Callable[[ChoiceT], ChoiceT]:
    """Return what lets some of the choices through; the schema has to name them too."""

    def check(value: ChoiceT) -> ChoiceT:
        if value not in choices:
            known = ", ".join(f"'{choice.value}'" for choice in choices)
            raise ValueError(f"Input should be {known}")
        return value

    return check


CompassGravity = Annotated[
    Gravity,
    AfterValidator(among(*COMPASS)),
    Field(json_schema_extra={"enum": [g.value for g in COMPASS]}),
]
"""A gravity that does not look at the picture."""


class Point(Document):
    """A place in a picture, whatever its size."""

    x: Fraction = Field(description="From the left edge (0) to the right one (1).")
    y: Fraction = Field(description="From the upper edge (0) to the lower one (1).")
