"""A cluster and a history in memory, and the JSON that a real API server would show.

The fake cluster keeps what it is given, numbers each change, and tells its watchers. Nothing in it
acts by itself: a test plays the Job controller and the kubelet.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from copy import deepcopy
from datetime import datetime
from typing import Any

from darkroom_core import names
from darkroom_core.task import TaskStatus

from darkroom_operator.cluster import Event, Kind, Listing
from darkroom_operator.errors import ClusterError
from darkroom_operator.record import Observation, is_final
from darkroom_operator.task import Task

Raw = dict[str, Any]

REPORT = (
    '{"outputs": [{"name": "thumb", "format": "webp", "width": 1, "height": 2, "bytes": 3,'
    ' "sha256": "00"}]}'
)


def raw_task(name: str = "a", *, status: Raw | None = None, **spec: Any) -> Raw:  # noqa: ANN401
    """Return a task with one output; keywords change its spec."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {
            "name": name,
            "namespace": "media",
            "uid": f"uid-{name}",
            "generation": 1,
            "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {
            "source": {"key": "uploads/a"},
            "outputs": [{"name": "thumb", "format": "webp"}],
            **spec,
        },
        **({"status": status} if status else {}),
    }


def raw_job(task: str = "a", *, failed: int = 0, conditions: dict[str, str] | None = None) -> Raw:
    """Return the Job of a task; `conditions` are its true ones, with their reasons."""
    return {
        "metadata": {
            "name": names.job_name(task, f"uid-{task}"),
            "uid": f"job-{task}",
            "resourceVersion": "1",
            "labels": {names.TASK_UID_LABEL: f"uid-{task}"},
        },
        "status": {
            "failed": failed,
            "conditions": [
                {
                    "type": type_,
                    "status": "True",
                    "reason": reason,
                    "message": f"because of {reason}",
                    "lastTransitionTime": "2026-01-01T00:01:00Z",
                }
                for type_, reason in (conditions or {}).items()
            ],
        },
    }


def raw_pod(
    task: str = "a",
    *,
    number: int = 1,
    state: Raw | None = None,
    phase: str = "Pending",
    conditions: dict[str, str] | None = None,
    **metadata: Any,  # noqa: ANN401
) -> Raw:
    """Return the pod of a task's try; `conditions` are types with their statuses."""
    container = {"name": names.PROCESSOR_CONTAINER, "image": "processor:1", "state": state or {}}
    return {
        "metadata": {
            "name": f"pod-{task}-{number}",
            "uid": f"pod-{task}-{number}",
            "resourceVersion": "1",
            "creationTimestamp": f"2026-01-01T00:00:{number:02}Z",
            "labels": {names.TASK_UID_LABEL: f"uid-{task}"},
            "ownerReferences": [{"kind": "Job", "uid": f"job-{task}", "controller": True}],
            **metadata,
        },
        "status": {
            "phase": phase,
            "conditions": [
                {"type": type_, "status": status, "message": f"about {type_}"}
                for type_, status in (conditions or {}).items()
            ],
            "containerStatuses": [container],
        },
    }


def running() -> Raw:
    """Return a running container's state."""
    return {"running": {"startedAt": "2026-01-01T00:00:10Z"}}


def terminated(exit_code: int, message: str = "", reason: str = "") -> Raw:
    """Return an ended container's state."""
    return {
        "terminated": {
            "exitCode": exit_code,
            "reason": reason or ("Completed" if exit_code == 0 else "Error"),
            "message": message,
            "startedAt": "2026-01-01T00:00:10Z",
            "finishedAt": "2026-01-01T00:00:20Z",
        }
    }


class FakeCluster:
    """A cluster in memory. While it `is_away`, every request fails."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Raw]] = {"tasks": {}, "jobs": {}, "pods": {}}
        self.writes: list[str] = []
        self.is_away = False
        self.refusal: ClusterError | None = None
        """Raised by the next attempts to create a Job."""
        self._versions: Iterator[int] = itertools.count(1000)
        self._watchers: dict[str, list[asyncio.Queue[Event]]] = {"jobs": [], "pods": []}

    def put(self, kind: str, raw: Raw) -> Raw:
        """Create or replace an object, as somebody else would; return what is kept."""
        raw = deepcopy(raw)
        raw["metadata"]["resourceVersion"] = str(next(self._versions))
        known = raw["metadata"]["uid"] in self.objects[kind]
        self.objects[kind][raw["metadata"]["uid"]] = raw
        self._tell(kind, "MODIFIED" if known else "ADDED", raw)
        return raw

    def remove(self, kind: str, uid: str) -> None:
        """Delete an object, as somebody else would; what a task owns goes with it."""
        raw = self.objects[kind].pop(uid, None)
        if raw is None:
            return
        self._tell(kind, "DELETED", raw)
        if kind == "tasks":
            for child in ("jobs", "pods"):
                for child_uid, held in list(self.objects[child].items()):
                    if held["metadata"]["labels"][names.TASK_UID_LABEL] == uid:
                        self.remove(child, child_uid)

    async def tasks(self) -> AsyncIterator[Raw]:
        """Yield the tasks."""
        self._answer()
        for raw in list(self.objects["tasks"].values()):
            yield deepcopy(raw)

    async def create_job(self, manifest: Raw) -> None:
        """Keep the Job unless its name is taken."""
        self._answer()
        if self.refusal:
            raise self.refusal
        name = manifest["metadata"]["name"]
        self.writes.append(f"create job {name}")
        if all(job["metadata"]["name"] != name for job in self.objects["jobs"].values()):
            uid = f"job-{next(self._versions)}"
            self.put("jobs", {**manifest, "metadata": {**manifest["metadata"], "uid": uid}})

    async def write_status(self, task: Task, status: TaskStatus) -> str | None:
        """Replace the status."""
        self._answer()
        raw = self.objects["tasks"].get(task.uid)
        if raw is None:
            return None
        self.writes.append(f"status {status.state}")
        raw["status"] = status.document()
        version = str(next(self._versions))
        raw["metadata"]["resourceVersion"] = version
        return version

    async def delete_task(self, task: Task) -> None:
        """Delete the task and what it owns."""
        self._answer()
        self.writes.append(f"delete {task.metadata.name}")
        self.remove("tasks", task.uid)

    async def children(self, kind: Kind) -> Listing:
        """List Jobs or pods."""
        self._answer()
        return Listing(deepcopy(list(self.objects[kind].values())), str(next(self._versions)))

    async def watch_children(self, kind: Kind, version: str) -> AsyncIterator[Event]:
        """Yield what happens from now on; `version` is taken for now."""
        self._answer()
        queue: asyncio.Queue[Event] = asyncio.Queue()
        for raw in self.objects[kind].values():
            if int(raw["metadata"]["resourceVersion"]) > int(version):
                queue.put_nowait(Event("MODIFIED", deepcopy(raw)))
        self._watchers[kind].append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._watchers[kind].remove(queue)

    def _answer(self) -> None:
        if self.is_away:
            raise ClusterError("the cluster is away")

    def _tell(self, kind: str, type_: str, raw: Raw) -> None:
        for queue in self._watchers.get(kind, ()):
            queue.put_nowait(Event(type_, deepcopy(raw)))


class FakeMirror:
    """A history in memory; it takes everything, unless it `is_away`."""

    def __init__(self) -> None:
        self.records: dict[str, Observation] = {}
        self.rows: list[tuple[str, str, str]] = []
        self.is_away = False

    def submit(self, observation: Observation) -> None:
        """Keep the newest observation; a final one stays."""
        known = self.records.get(observation["uid"], {})
        if not is_final(known):
            self.records[observation["uid"]] = observation

    def is_recorded(self, uid: str) -> bool:
        """Whether the task's end is kept."""
        return not self.is_away and is_final(self.records.get(uid, {}))

    def forget(self, uid: str) -> None:
        """Keep the history."""

    async def unfinished(self) -> list[tuple[str, str, str]]:
        """Return the rows that a test has put there."""
        if self.is_away:
            raise TimeoutError
        return self.rows


def at(text: str) -> datetime:
    """Return a time of the first of January 2026: `00:00:30`."""
    return datetime.fromisoformat(f"2026-01-01T{text}+00:00")
