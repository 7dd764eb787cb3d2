"""What can be told: the types of events, and the patterns that choose among them."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field


class EventType(StrEnum):
    """What happened to a task; `webhook.test` is sent on demand."""

    CREATED = "task.created"
    STARTED = "task.started"
    PROGRESS = "task.progress"
    RETRYING = "task.retrying"
    CANCELING = "task.canceling"
    SUCCEEDED = "task.succeeded"
    FAILED = "task.failed"
    CANCELED = "task.canceled"
    EXPIRED = "task.expired"
    TEST = "webhook.test"


ENDINGS: Final = (
    EventType.SUCCEEDED,
    EventType.FAILED,
    EventType.CANCELED,
    EventType.EXPIRED,
)
"""After one of these nothing more happens to a task."""

_PATTERN: Final = (
    r"^(\*|task\.(\*|created|started|progress|retrying|canceling|succeeded|failed|canceled"
    r"|expired))$"
)

Pattern = Annotated[str, Field(pattern=_PATTERN, examples=["task.succeeded"])]
"""A type of event, or `task.*` or `*` for all of them."""


def is_wanted(event_type: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns is for this type."""
    return any(
        event_type.startswith(pattern[:-1]) if pattern.endswith("*") else event_type == pattern
        for pattern in patterns
    )
