"""What is known of a run, as plain data: what was sent, what was seen, what is there at the end."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal


class Wish(StrEnum):
    """What kind of task was sent, and so how it must end."""

    QUICK = "quick"
    """A photograph: succeeded."""
    SLOW = "slow"
    """A photograph from a server that takes its time: succeeded."""
    CORRUPT = "corrupt"
    """No picture: failed, and not worth another try."""
    CANCELED = "canceled"
    """Canceled while its slow source was fetched: canceled."""


@dataclass(frozen=True)
class Sent:
    """A task that POST accepted."""

    id: str
    wish: Wish


@dataclass(frozen=True)
class Row:
    """A task in Postgres."""

    id: str
    uid: str | None
    status: str
    outputs: tuple[Mapping[str, Any], ...] = ()
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Resource:
    """A ProcessingTask in the cluster."""

    name: str
    uid: str
    state: str
    outputs: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Child:
    """A Job or pod that was made for a task, and whether it is at work."""

    kind: Literal["Job", "Pod"]
    name: str
    task_uid: str
    owner_uid: str | None
    uid: str
    active: bool


@dataclass(frozen=True)
class Stored:
    """An object in storage."""

    key: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Evidence:
    """What the stores say at one moment."""

    rows: tuple[Row, ...]
    resources: tuple[Resource, ...]
    children: tuple[Child, ...]
    stored: tuple[Stored, ...]


@dataclass(frozen=True)
class Broken:
    """An invariant that does not hold, for one thing."""

    how: Literal["lost", "duplicated", "wrong", "orphaned"]
    what: str
    task: str | None = None
    """The id of the task, where it is about one."""
