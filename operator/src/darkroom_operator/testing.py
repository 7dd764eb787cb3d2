"""A cluster and a history in memory, and the JSON that a real API server would show.

The fake cluster keeps what it is given, numbers each change, and tells its watchers. Nothing in it
acts by itself: a test plays the Job controller and the kubelet.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any, Literal, get_args

from darkroom_core import names

from darkroom_operator.cluster import Event, Kind, Page
from darkroom_operator.errors import ClusterError
from darkroom_operator.record import Observation, is_final

Raw = dict[str, Any]

REPORT = (
    '{"outputs": [{"name": "thumb", "format": "webp", "width": 1, "height": 2, "bytes": 3,'
    ' "sha256": "00"}]}'
)


def raw_task(name: str = "a", *, status: Raw | None = None, **spec: Any) -> Raw:  # noqa: ANN401
    """Return a task with one output; keywords change its spec."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.TASK.kind,
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


def raw_pool(name: str = "default", **spec: Any) -> Raw:  # noqa: ANN401
    """Return a pool; keywords are its spec."""
    return {
        "metadata": {"name": name, "namespace": "media", "uid": f"uid-{name}", "generation": 1},
        "spec": spec,
    }


def raw_recipe(
    name: str = "web",
    *outputs: str,
    generation: int = 1,
    type: str = "Image",  # noqa: A002
) -> Raw:
    """Return a recipe that makes WebP outputs of these names."""
    return {
        "metadata": {
            "name": name,
            "namespace": "media",
            "uid": f"uid-{name}",
            "generation": generation,
        },
        "spec": {
            "type": type,
            "outputs": [{"name": output, "format": "webp"} for output in outputs or ("thumb",)],
        },
    }


def raw_job(
    task: str = "a",
    *,
    number: int = 1,
    conditions: dict[str, str] | None = None,
    suspend: bool = False,
    created: str = "2026-01-01T00:00:00Z",
) -> Raw:
    """Return the Job of a task's try; `conditions` are its true ones, with their reasons."""
    return {
        "metadata": {
            "name": names.job_name(task, f"uid-{task}", number),
            "namespace": "media",
            "uid": f"job-{task}-{number}",
            "resourceVersion": "1",
            "creationTimestamp": created,
            "labels": {names.TASK_UID_LABEL: f"uid-{task}", names.TRY_LABEL: str(number)},
        },
        "spec": {"suspend": suspend},
        "status": {
            **({} if suspend else {"startTime": created}),
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


def raw_pod(  # noqa: PLR0913  # the parts of a pod that matter
    task: str = "a",
    *,
    number: int = 1,
    job: int | None = None,
    state: Raw | None = None,
    phase: str = "Pending",
    conditions: dict[str, str] | None = None,
    **metadata: Any,  # noqa: ANN401
) -> Raw:
    """Return the pod of a task's try; `conditions` are types with their statuses.

    `number` counts the task's pods, `job` is the number of the Job where it is another.
    """
    job = job or number
    container = {"name": names.PROCESSOR_CONTAINER, "image": "processor:1", "state": state or {}}
    return {
        "metadata": {
            "name": f"pod-{task}-{number}",
            "uid": f"pod-{task}-{number}",
            "resourceVersion": "1",
            "creationTimestamp": f"2026-01-01T00:00:{number:02}Z",
            "labels": {names.TASK_UID_LABEL: f"uid-{task}", names.TRY_LABEL: str(job)},
            "ownerReferences": [
                {
                    "kind": "Job",
                    "name": names.job_name(task, f"uid-{task}", job),
                    "controller": True,
                }
            ],
            **metadata,
        },
        "spec": {"nodeName": "node-1"},
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
        self.objects: dict[str, dict[str, Raw]] = {kind: {} for kind in get_args(Kind)}
        self.writes: list[str] = []
        self.is_away = False
        self.refusal: ClusterError | None = None
        """Raised by the next attempts to create an object."""
        self._versions: Iterator[int] = itertools.count(1000)
        self._watchers: dict[str, list[asyncio.Queue[Event]]] = {k: [] for k in get_args(Kind)}
        self.time = "2026-01-01T00:00:00Z"
        """When what is created was created."""
        self.complaint = ""
        self.asked = 0
        """How often Events were read."""
        self.told: list[Raw] = []

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
                    if held["metadata"]["labels"].get(names.TASK_UID_LABEL) == uid:
                        self.remove(child, child_uid)

    async def pages(self, kind: Kind) -> AsyncIterator[Page]:
        """Yield everything of a kind."""
        self._answer()
        yield Page(deepcopy(list(self.objects[kind].values())), str(next(self._versions)))

    async def watch(self, kind: Kind, version: str) -> AsyncIterator[Event]:
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

    async def create(self, kind: Kind, manifest: Raw) -> bool:
        """Keep the object unless its name is taken."""
        self._answer()
        if self.refusal:
            raise self.refusal
        name = manifest["metadata"]["name"]
        self.writes.append(f"create {kind[:-1]} {name}")
        if any(held["metadata"]["name"] == name for held in self.objects[kind].values()):
            return False
        metadata = {
            **manifest["metadata"],
            "uid": f"{kind[:-1]}-{next(self._versions)}",
            "creationTimestamp": self.time,
        }
        status = {"startTime": self.time} if kind == "jobs" else {}
        self.put(kind, {**manifest, "metadata": metadata, "status": status})
        return True

    async def write_status(  # noqa: PLR0913  # as the protocol has it
        self,
        kind: Kind,
        namespace: str,  # noqa: ARG002
        name: str,
        uid: str,
        status: Raw,
        *,
        version: str = "",
    ) -> str | None:
        """Replace the status."""
        self._answer()
        raw = self.objects[kind].get(uid)
        if raw is None or version not in {"", raw["metadata"]["resourceVersion"]}:
            return None
        self.writes.append(f"status {status['state']}" if kind == "tasks" else f"status of {name}")
        return str(self.put(kind, {**raw, "status": status})["metadata"]["resourceVersion"])

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:  # noqa: ARG002
        """Delete the object and what it owns."""
        self._answer()
        self.writes.append(f"delete {name}")
        self.remove(kind, uid)

    async def delete_children(
        self,
        kind: Literal["jobs", "pods"],
        namespace: str,
        uids: Sequence[str],
    ) -> None:
        """Delete what belongs to these tasks."""
        self._answer()
        self.writes.append(f"delete {kind} of {len(uids)} in {namespace}")
        for uid, raw in list(self.objects[kind].items()):
            if raw["metadata"]["labels"].get(names.TASK_UID_LABEL) in uids:
                self.remove(kind, uid)

    async def complaints(self, namespace: str) -> dict[str, str]:  # noqa: ARG002
        """Return what a test wants to be complained of, about every Job."""
        self._answer()
        self.asked += 1
        return dict.fromkeys(self.objects["jobs"], self.complaint) if self.complaint else {}

    async def tell(self, event: Raw) -> None:
        """Keep the Event."""
        self._answer()
        self.told.append(event)

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
