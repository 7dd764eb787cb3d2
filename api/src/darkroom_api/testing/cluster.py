"""A cluster in memory that can go away and come back."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from darkroom_api.tasks.cluster import Cluster, ClusterUnavailableError, RefusedError


class FakeCluster:
    """Keeps what is created. It validates nothing: that is for tests with a real API server."""

    def __init__(self) -> None:
        self.is_away = False
        self.refusal: str | None = None
        self.resources: dict[tuple[str, str], dict[str, Any]] = {}
        self.named: dict[str, dict[str, Any]] = {}
        """Recipes, by name."""
        self.pods: list[dict[str, Any]] = []
        """Pods of processors, as the API server tells of them."""
        self.calls: list[str] = []

    async def create_task(self, body: dict[str, Any]) -> str:
        """Keep the resource."""
        self._call("create")
        if self.refusal:
            raise RefusedError(self.refusal)
        key = (body["metadata"]["namespace"], body["metadata"]["name"])
        if key not in self.resources:
            metadata = {**body["metadata"], "uid": str(uuid.uuid4())}
            self.resources[key] = {**body, "metadata": metadata}
        uid: str = self.resources[key]["metadata"]["uid"]
        return uid

    async def delete_task(self, namespace: str, name: str, *, uid: str | None) -> None:
        """Forget the resource, if it is this one."""
        self._call("delete")
        found = self.resources.get((namespace, name))
        if found and uid in {None, found["metadata"]["uid"]}:
            del self.resources[namespace, name]

    async def recipes(self, namespace: str) -> list[dict[str, Any]]:  # noqa: ARG002  # all are in one
        """Return what a test has put there."""
        self._call("recipes")
        return list(self.named.values())

    async def recipe(self, namespace: str, name: str) -> dict[str, Any] | None:  # noqa: ARG002
        """Return what a test has put there under this name."""
        self._call("recipe")
        return self.named.get(name)

    async def processor_pods(self, namespace: str) -> list[dict[str, Any]]:  # noqa: ARG002
        """Return what a test has put there."""
        self._call("pods")
        return self.pods

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Cluster]:
        """As `create_app` opens a cluster."""
        yield self

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.is_away:
            raise ClusterUnavailableError("the cluster is away")
