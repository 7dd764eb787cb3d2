"""An event, and how it looks on the wire."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from fastapi.sse import format_sse_event

from darkroom_api.events.position import Position

ENDINGS: Final = frozenset({"task.succeeded", "task.failed", "task.canceled", "task.expired"})
"""After one of these no other event of a task follows."""


@dataclass(frozen=True)
class Event:
    """Something that happened to a task, and how the task was then."""

    position: Position
    task_id: str
    owner: UUID | None
    type: str
    data: dict[str, Any]
    at: datetime

    @property
    def is_end(self) -> bool:
        """Whether nothing more becomes of the task."""
        return self.type in ENDINGS

    # Both are made once, however many clients get them.
    @cached_property
    def text(self) -> str:
        """As JSON."""
        return document(str(self.position), self.type, self.task_id, self.at, self.data)

    @cached_property
    def sse(self) -> bytes:
        """As a server-sent event."""
        return format_sse_event(event=self.type, id=str(self.position), data_str=self.text)


def document(
    position: str, type_: str, task_id: str | None, at: datetime, data: dict[str, Any]
) -> str:
    """Return the JSON that clients get of everything that is sent to them."""
    known = {"id": position, "type": type_, "task_id": task_id, "at": at.isoformat()}
    return json.dumps({**known, "data": data}, ensure_ascii=False, separators=(",", ":"))
