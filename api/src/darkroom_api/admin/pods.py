"""What pods say about processors: pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from darkroom_core import names

from darkroom_api.admin.queries import KnownTry

Pod = Mapping[str, Any]


@dataclass(frozen=True)
class Worker:
    """A pod in which a processor runs, is about to, or did."""

    pod: str
    task_uid: str
    pool: str
    number: int
    node: str | None
    phase: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def is_over(self) -> bool:
        """Whether its container has ended."""
        return self.phase in {"Succeeded", "Failed"}


def workers_of(pods: Iterable[Pod]) -> list[Worker]:
    """Return the pods that are processors of tasks."""
    return [_worker(pod) for pod in pods if names.TASK_UID_LABEL in _labels(pod)]


def _worker(pod: Pod) -> Worker:
    metadata, status, labels = pod["metadata"], pod.get("status") or {}, _labels(pod)
    ends = [
        terminated["finishedAt"]
        for container in status.get("containerStatuses") or ()
        if (terminated := (container.get("state") or {}).get("terminated"))
        and terminated.get("finishedAt")
    ]
    number = labels.get(names.TRY_LABEL, "1")
    return Worker(
        pod=metadata["name"],
        task_uid=labels[names.TASK_UID_LABEL],
        pool=labels.get(names.POOL_LABEL, names.DEFAULT_POOL),
        number=int(number) if number.isdigit() else 1,
        node=(pod.get("spec") or {}).get("nodeName"),
        phase=status.get("phase") or "Pending",
        created_at=datetime.fromisoformat(metadata["creationTimestamp"]),
        started_at=_time(status.get("startTime")),
        ended_at=_time(max(ends, default=None)),
    )


def unrecorded(workers: Sequence[Worker], known: Iterable[KnownTry]) -> list[Worker]:
    """Return those that have ended, and of whose end no row knows, the oldest first."""
    rows = {row.uid: row for row in known}
    missing = [
        worker
        for worker in workers
        if worker.is_over
        and worker.ended_at
        and (row := rows.get(worker.task_uid))
        and not row.is_final
        and worker.pod not in row.ended_pods
    ]
    return sorted(missing, key=lambda worker: worker.ended_at or worker.created_at)


def _labels(pod: Pod) -> Mapping[str, str]:
    return pod["metadata"].get("labels") or {}


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
