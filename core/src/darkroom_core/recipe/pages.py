"""What a Report looks like: pages of pictures with their captions and facts."""

from typing import Annotated

from pydantic import Field

from darkroom_core.schema import Document
from darkroom_core.vocabulary import Paper


class Pages(Document):
    """How the pictures are laid out on the pages of a PDF."""

    title: Annotated[str, Field(max_length=200)] = Field("", description="Written on every page.")
    paper: Paper = Field(Paper.A4, description="a4 or letter.")
    landscape: bool = Field(default=False, description="Whether a page is wider than high.")
    columns: Annotated[int, Field(ge=1, le=8)] = Field(3, description="Pictures in a row.")
    rows: Annotated[int, Field(ge=1, le=10)] = Field(4, description="Rows on a page.")
    captions: bool = Field(default=True, description="Whether captions are written below.")
    facts: bool = Field(
        default=False, description="Whether format, size and bytes are written below."
    )
