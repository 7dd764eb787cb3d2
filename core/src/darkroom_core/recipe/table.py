"""What an Export writes: the columns of a table."""

from typing import Annotated, Final

from pydantic import Field

from darkroom_core.schema import Document

MAX_COLUMNS: Final = 64


class Column(Document):
    """One column."""

    field: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="Which value of a line it shows; dots lead into objects.",
        examples=["source.bytes"],
    )
    title: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="What is written above it; without it the field's name."
    )


class Table(Document):
    """Which values of the source's lines (JSON lines) are written, and in what order."""

    columns: Annotated[list[Column], Field(max_length=MAX_COLUMNS)] = Field(
        default_factory=list,
        description="The columns. None: every field of the first lines.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
