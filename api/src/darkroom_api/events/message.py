"""What a stream says beside events: where it begins, how a task is, and why it ends."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from fastapi.sse import format_sse_event

from darkroom_api.events.event import document
from darkroom_api.events.position import Position
from darkroom_api.tasks.queries import TaskRow

# When a server shuts down, its clients should not come to the next one all at once.
_SOONEST_MS: Final = 500
_LATEST_MS: Final = 5000
_SHOWN: Final = ("status", "progress", "attempts", "version", "reason", "message", "error")


class Sendable(Protocol):
    """What can be sent either way."""

    @property
    def text(self) -> str:
        """As JSON."""

    @property
    def sse(self) -> bytes:
        """As a server-sent event."""


class Kind(StrEnum):
    """The types that are no task's events."""

    READY = "stream.ready"
    """From here on every event is sent."""
    RESET = "stream.reset"
    """What came after the client's position is not known any more."""
    STATE = "task.state"
    """How the task is now."""
    DONE = "stream.done"
    """The task has ended; there is nothing to come back for."""
    RECONNECT = "stream.reconnect"
    """Come back, with the last id."""
    UNAUTHORIZED = "stream.unauthorized"
    """The access token is not good any more; come back with another."""


class Ending(StrEnum):
    """Why a stream ends."""

    DONE = "done"
    CLOSING = "closing"
    LAGGING = "lagging"
    UNAUTHORIZED = "unauthorized"


@dataclass(frozen=True)
class Message:
    """One of them, made for one client."""

    kind: Kind
    position: str
    text: str
    retry: int | None = None
    ending: Ending | None = None

    @property
    def sse(self) -> bytes:
        """As a server-sent event."""
        return format_sse_event(
            event=self.kind, id=self.position, data_str=self.text, retry=self.retry
        )


def opening(position: Position, row: TaskRow | None, *, is_reset: bool) -> list[Message]:
    """Return how a stream begins: of one task with how it is."""
    found = []
    if is_reset:
        detail = (
            "what happened since is not known any more: the task's state follows"
            if row
            else "what happened since is not known any more: ask for your tasks, then follow on"
        )
        found.append(_message(Kind.RESET, position, {"detail": detail}))
    if row is None:
        found.append(_message(Kind.READY, position, {}))
    else:
        data = {name: value for name in _SHOWN if (value := getattr(row, name)) is not None}
        found.append(_message(Kind.STATE, position, data, task_id=row.id))
    return found


def farewell(ending: Ending, position: Position, task_id: str | None) -> Message:
    """Return the last thing that is said."""
    match ending:
        case Ending.DONE:
            return _message(Kind.DONE, position, {}, task_id=task_id, ending=ending)
        case Ending.UNAUTHORIZED:
            detail = "the access token is not good any more: come back with another"
            return _message(Kind.UNAUTHORIZED, position, {"detail": detail}, ending=ending)
        case Ending.CLOSING | Ending.LAGGING:
            retry = random.randint(_SOONEST_MS, _LATEST_MS)  # noqa: S311  # spreads load
            data = {"reason": ending.value, "retry_ms": retry}
            return _message(Kind.RECONNECT, position, data, retry=retry, ending=ending)


def ending_of(batch: Sequence[Sendable]) -> Ending | None:
    """Return why the stream ends with these, if it does."""
    last = batch[-1] if batch else None
    return last.ending if isinstance(last, Message) else None


def _message(  # noqa: PLR0913  # each is said by name
    kind: Kind,
    position: Position,
    data: dict[str, Any],
    *,
    task_id: str | None = None,
    retry: int | None = None,
    ending: Ending | None = None,
) -> Message:
    text = document(str(position), kind, task_id, datetime.now(UTC), data)
    return Message(kind, str(position), text, retry, ending)
