"""The base of every model that is written as JSON: camelCase outside, frozen inside."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

DNS_LABEL: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
"""A name that may also be a label's value (RFC 1123)."""


class Document(BaseModel):
    """A frozen model whose JSON names are camelCase and which refuses unknown fields."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="forbid",
    )

    def document(self) -> dict[str, Any]:
        """Return the model as plain JSON data, without the fields that are not set."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def rule(expression: str, message: str) -> JsonDict:
    """Return one CEL rule as the API server takes it (`x-kubernetes-validations`)."""
    return {"rule": expression, "message": message}
