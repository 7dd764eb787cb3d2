"""The base of every model that is written as JSON: camelCase outside, frozen inside."""

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict


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
