"""Where bytes come from: a key in Darkroom's storage, or a URL."""

from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, model_validator

from darkroom_core.schema import Document, rule

KEY: Final = r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$"
PREFIX: Final = r"^([A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*/?)?$"
"""What a key may begin with."""
MAX_SOURCES: Final = 64
_ONE_SOURCE: Final = "source names exactly one of key and url"


class Source(Document):
    """Where a file comes from: a key in Darkroom's storage, or a URL."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [rule("has(self.key) != has(self.url)", _ONE_SOURCE)]
        }
    )

    key: Annotated[str, Field(min_length=1, max_length=512, pattern=KEY)] | None = Field(
        None,
        description="The key of an object in Darkroom's storage: parts of letters, digits, dots, "
        "hyphens and underscores with slashes between them; no part starts with a dot.",
        examples=["uploads/task-0193"],
    )
    url: (
        Annotated[str, Field(max_length=2048, pattern=r"^https?://[^\s\x00-\x1f\x7f]+$")] | None
    ) = Field(
        None,
        description="An http or https URL. The processor fetches it, and reaches public addresses "
        "only, unless the operator allows more.",
        examples=["https://example.com/photo.jpg"],
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.key is None) == (self.url is None):
            raise ValueError(_ONE_SOURCE)
        return self


class NamedSource(Source):
    """One of many sources."""

    caption: Annotated[str, Field(max_length=200)] = Field(
        "", description="What a report writes below it, and its name in a ZIP."
    )
