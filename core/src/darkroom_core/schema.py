"""The base of every model that is written as JSON: camelCase outside, frozen inside."""

from collections.abc import Callable
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


def exactly_one(message: str) -> Callable[[JsonDict], None]:
    """Return what adds the rule to a model's schema that exactly one of its fields is set."""

    def add(schema: JsonDict) -> None:
        fields = schema["properties"]
        assert isinstance(fields, dict)  # noqa: S101  # Pydantic's schema of a model
        given = ", ".join(f"has(self.{name})" for name in fields)
        schema["x-kubernetes-validations"] = [rule(f"[{given}].exists_one(given, given)", message)]

    return add
