"""What the operator does to the cluster: the seam between the real one and the shipped fake."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Kind = Literal["tasks", "jobs", "pods", "pools", "schedules", "recipes"]


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the objects of a kind at one moment."""

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
    """Whatever holds tasks and all that belongs to them. Every method may raise ClusterError.

    Of Jobs and pods only those with our label are seen.
    """

    def pages(self, kind: Kind) -> AsyncIterator[Page]:
        """List the objects of a kind, page by page; all pages show the same moment."""

    def watch(self, kind: Kind, version: str) -> AsyncIterator[Event]:
        """Yield what happens to the objects of a kind; ends when the server ends it.

        Raises ExpiredError where `version` is too old to go on from.
        """

    async def create(self, kind: Kind, manifest: dict[str, Any]) -> bool:
        """Create an object; return whether it was new: its name may be taken already.

        Raises RefusedError where the API server does not take it.
        """

    async def write_status(  # noqa: PLR0913  # whose, which, and on what condition
        self,
        kind: Kind,
        namespace: str,
        name: str,
        uid: str,
        status: dict[str, Any],
        *,
        version: str = "",
    ) -> str | None:
        """Make this the whole status; return the new resource version.

        None where the object is gone, or where it is not the `version` any more that is named.
        """

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """Delete an object, and with it what it owns; no error if it is gone."""

    async def delete_children(
        self, kind: Literal["jobs", "pods"], namespace: str, uids: Sequence[str]
    ) -> None:
        """Delete the Jobs or the pods of these tasks; no error where there are none."""

    async def complaints(self, namespace: str) -> dict[str, str]:
        """Return what the newest warning Event about each Job of a namespace says, by its UID."""

    async def tell(self, event: dict[str, Any]) -> None:
        """Post an Event for people to read."""
