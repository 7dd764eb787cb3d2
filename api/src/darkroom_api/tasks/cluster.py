"""Kubernetes, as far as the API needs it: tasks, recipes, schedules, and what processors log."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from darkroom_core import names

Json = dict[str, Any]


class ClusterUnavailableError(Exception):
    """Kubernetes did not answer, or not as it would if all were well: try again later."""


class RefusedError(Exception):
    """Kubernetes will never take this resource; the message is its sentence."""

    def __init__(self, message: str, causes: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.causes = causes
        """Fields of the resource, as spec.outputs[0].format, and what is wrong with each."""


class ExistsError(Exception):
    """There is a resource of this kind and name already."""


class ChangedError(Exception):
    """The resource is another than the one that was read, or is gone."""


class Cluster(Protocol):
    """Where resources are made."""

    async def create_task(self, body: dict[str, Any]) -> str:
        """Create the resource and return its uid; where it exists already, that one's."""

    async def processor_pods(self, namespace: str) -> list[dict[str, Any]]:
        """Return the pods in which processors run, or ran not long ago."""

    async def create(self, kind: names.Kind, body: Json) -> Json:
        """Create a resource; or raise RefusedError or ExistsError."""

    async def replace(self, kind: names.Kind, body: Json) -> Json:
        """Write a resource that was read before; or raise RefusedError or ChangedError."""

    async def delete(self, kind: names.Kind, namespace: str, name: str, *, uid: str | None) -> None:
        """Delete a resource; it is no error if it, or the one with this uid, is gone."""

    async def one(self, kind: names.Kind, namespace: str, name: str) -> Json | None:
        """Return a resource; None if there is none."""

    async def all(self, kind: names.Kind, namespace: str, *, labels: str = "") -> list[Json]:
        """Return all resources with these labels."""

    async def log(
        self, namespace: str, pod: str, *, lines: int, most: int, follow: bool
    ) -> AsyncIterator[bytes] | None:
        """Return the last lines that a processor's pod logs; None if there is no such pod."""


OpenCluster = AbstractAsyncContextManager[Cluster]
