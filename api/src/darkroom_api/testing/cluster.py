"""A cluster in memory that can go away and come back."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from darkroom_core import names

from darkroom_api.tasks.cluster import (
    ChangedError,
    Cluster,
    ClusterUnavailableError,
    ExistsError,
    RefusedError,
)

Kept = dict[tuple[str, str], dict[str, Any]]
"""Resources, by namespace and name."""


def uid_of(name: str) -> str:
    """Return the UID that a task's resource has, or will have, so that no test has to wait."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


class FakeCluster:
    """Keeps what is created. It validates nothing: that is for tests with a real API server."""

    def __init__(self) -> None:
        self.is_away = False
        self.refusal: str | None = None
        self.resources: Kept = {}
        """Tasks."""
        self.recipes: Kept = {}
        self.schedules: Kept = {}
        self.pods: list[dict[str, Any]] = []
        """Pods of processors, as the API server tells of them."""
        self.logs: dict[str, bytes] = {}
        """What pods log, by their names."""
        self.causes: list[tuple[str, str]] = []
        """With `refusal`: the fields that are refused."""
        self.calls: list[str] = []

    async def create_task(self, body: dict[str, Any]) -> str:
        """Keep the resource."""
        self._call("create")
        if self.refusal:
            raise RefusedError(self.refusal)
        key = (body["metadata"]["namespace"], body["metadata"]["name"])
        if key not in self.resources:
            metadata = {**body["metadata"], "uid": uid_of(body["metadata"]["name"])}
            self.resources[key] = {**body, "metadata": metadata}
        uid: str = self.resources[key]["metadata"]["uid"]
        return uid

    async def processor_pods(self, namespace: str) -> list[dict[str, Any]]:  # noqa: ARG002
        """Return what a test has put there."""
        self._call("pods")
        return self.pods

    async def create(self, kind: names.Kind, body: dict[str, Any]) -> dict[str, Any]:
        """Keep the resource."""
        self._write(f"create {kind.plural}")
        metadata = body["metadata"]
        if await self.one(kind, metadata["namespace"], metadata["name"]):
            raise ExistsError
        known = {"uid": str(uuid.uuid4()), "creationTimestamp": _now(), "resourceVersion": "1"}
        return self._keep(kind, {**body, "metadata": {**metadata, **known}})

    async def replace(self, kind: names.Kind, body: dict[str, Any]) -> dict[str, Any]:
        """Keep it instead of the one that was read."""
        self._write(f"replace {kind.plural}")
        metadata = body["metadata"]
        found = await self.one(kind, metadata["namespace"], metadata["name"])
        version = metadata.get("resourceVersion")
        if found is None or found["metadata"].get("resourceVersion") != version:
            raise ChangedError
        return self._keep(
            kind, {**body, "metadata": {**metadata, "resourceVersion": f"{version}1"}}
        )

    async def delete(self, kind: names.Kind, namespace: str, name: str, *, uid: str | None) -> None:
        """Forget it, if it is this one."""
        self._call("delete" if kind is names.TASK else f"delete {kind.plural}")
        found = self._kept_as(kind).get((namespace, name))
        if found and uid in {None, found["metadata"].get("uid")}:
            del self._kept_as(kind)[namespace, name]

    async def one(self, kind: names.Kind, namespace: str, name: str) -> dict[str, Any] | None:
        """Return what was kept."""
        self._call(f"get {kind.plural}")
        return self._kept_as(kind).get((namespace, name))

    async def all(
        self, kind: names.Kind, namespace: str, *, labels: str = ""
    ) -> list[dict[str, Any]]:
        """Return what was kept; of selectors it knows equality."""
        self._call(f"list {kind.plural}")
        wanted = dict(part.split("=", 1) for part in labels.split(",") if part)
        return [
            found
            for (place, _), found in self._kept_as(kind).items()
            if place == namespace
            and wanted.items() <= (found["metadata"].get("labels") or {}).items()
        ]

    async def log(
        self,
        namespace: str,  # noqa: ARG002
        pod: str,
        *,
        lines: int,
        most: int,
        follow: bool,  # noqa: ARG002
    ) -> AsyncIterator[bytes] | None:
        """Return the end of what a test has put there."""
        self._call("log")
        if pod not in self.logs:
            return None
        return _whole(b"".join(self.logs[pod].splitlines(keepends=True)[-lines:])[:most])

    def _kept_as(self, kind: names.Kind) -> Kept:
        kept = {
            names.TASK: self.resources,
            names.RECIPE: self.recipes,
            names.SCHEDULE: self.schedules,
        }
        return kept[kind]

    def _keep(self, kind: names.Kind, body: dict[str, Any]) -> dict[str, Any]:
        metadata = body["metadata"]
        self._kept_as(kind)[metadata["namespace"], metadata["name"]] = body
        return body

    def _write(self, name: str) -> None:
        self._call(name)
        if self.refusal:
            raise RefusedError(self.refusal, self.causes)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Cluster]:
        """As `create_app` opens a cluster."""
        yield self

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.is_away:
            raise ClusterUnavailableError("the cluster is away")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


async def _whole(text: bytes) -> AsyncIterator[bytes]:
    yield text
