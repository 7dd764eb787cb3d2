"""A task that is wished for: the resource's spec, and what only REST knows of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from darkroom_core.task import TaskSpec
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from darkroom_api.errors import InvalidError
from darkroom_api.problem import InvalidField
from darkroom_api.problem_handlers import invalid_fields
from darkroom_api.tasks.durations import seconds_in
from darkroom_api.tasks.ids import new_id
from darkroom_api.tasks.metadata import Metadata
from darkroom_api.webhooks.task_webhook import TaskWebhook

_LONGEST_WAIT: Final = 30 * 86_400

CancelAfter = Annotated[int, Field(ge=1, le=_LONGEST_WAIT)]


class Extras(BaseModel):
    """Fields of a request that are not in the resource."""

    model_config = ConfigDict(extra="ignore")

    metadata: Metadata = Field(
        default={},
        description="A map of strings for your own use: up to 50 keys of up to 63 letters, digits "
        "and `_ . / -`, with values of up to 500 characters.",
        examples=[{"order": "42"}],
    )
    cancel_after: CancelAfter | None = Field(
        default=None,
        alias="cancelAfterSeconds",
        description="A task that has not ended so many seconds after it was made is canceled.",
    )
    webhook: TaskWebhook | None = Field(
        default=None, description="Where it is told, beside your webhooks, what becomes of it."
    )


EXTRAS: Final = tuple(field.alias or name for name, field in Extras.model_fields.items())
"""Their names."""


@dataclass(frozen=True)
class Wanted:
    """One task to make."""

    spec: TaskSpec
    id: str = field(default_factory=new_id)
    own: Sequence[str] = ()
    """Keys in storage that were written for it."""
    source_filename: str | None = None
    source_bytes: int | None = None
    new_bytes: int = 0
    """How many came into storage with it, for the quota."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    cancel_after: int | None = None
    """In seconds."""
    batch: str | None = None
    webhook: TaskWebhook | None = None


def split(document: dict[str, Any]) -> tuple[dict[str, Any], Extras]:
    """Return the spec in a request, and the rest; or raise InvalidError."""
    try:
        extras = Extras.model_validate(document)
    except ValidationError as error:
        raise invalid_fields(error.errors()) from None
    return {name: value for name, value in document.items() if name not in EXTRAS}, extras


def cancel_after(header: str | None) -> int | None:
    """Return the seconds in the header Cancel-After, or raise InvalidError."""
    if header is None:
        return None
    seconds = seconds_in(header)
    if seconds is None or not 1 <= seconds <= _LONGEST_WAIT:
        sentence = "Cancel-After is a length of time as 90s, 5m, 2h or 1d, of 30 days at most"
        raise InvalidError(
            sentence, errors=[InvalidField(pointer="#/header/cancel-after", detail=sentence)]
        )
    return seconds
