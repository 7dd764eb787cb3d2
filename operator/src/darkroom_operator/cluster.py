"""What the operator does to the cluster: the seam between the real one and the shipped fake."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from darkroom_core.task import TaskStatus

from darkroom_operator.task import Task

Kind = Literal["jobs", "pods"]


@dataclass(frozen=True, slots=True)
class Listing:
    """All objects of a kind at one moment."""

    items: list[dict[str, Any]]
    version: str
    """The resource version from which a watch goes on."""


@dataclass(frozen=True, slots=True)
class Event:
    """What a watch tells."""

    type: str
    """ADDED, MODIFIED, DELETED or BOOKMARK."""
    object: dict[str, Any]


class Cluster(Protocol):
    """Whatever holds tasks, Jobs and pods. Every method may raise ClusterError."""

    def tasks(self) -> AsyncIterator[dict[str, Any]]:
        """Yield every task there is, as the API server's JSON."""

    async def create_job(self, manifest: dict[str, Any]) -> None:
        """Create the Job unless there is one of that name. Raises RefusedError."""

    async def write_status(self, task: Task, status: TaskStatus) -> str | None:
        """Make this the whole status; return the new resource version, None if it is gone."""

    async def delete_task(self, task: Task) -> None:
        """Delete the task, and with it its Job and pods; no error if it is gone."""

    async def children(self, kind: Kind) -> Listing:
        """List our Jobs or pods."""

    def watch_children(self, kind: Kind, version: str) -> AsyncIterator[Event]:
        """Yield what happens to our Jobs or pods; ends when the server ends it.

        Raises ExpiredError where `version` is too old to go on from.
        """
