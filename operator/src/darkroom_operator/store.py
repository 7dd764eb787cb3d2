"""The tasks that the operator knows, as the API server last showed them."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from darkroom_core import names
from darkroom_core.task import TaskStatus

from darkroom_operator import metrics
from darkroom_operator.task import Task, read


class Tasks:
    """Tasks by UID: a task of the same name that comes later is another one."""

    def __init__(self, on_scheduled: Callable[[str], None] = lambda _: None) -> None:
        self._tasks: dict[str, Task] = {}
        self._scheduled: dict[str, set[str]] = {}
        self._on_scheduled = on_scheduled
        self.is_synced = asyncio.Event()
        """Set once every task there is has been seen."""

    def get(self, uid: str) -> Task | None:
        """Return the task, if it is known."""
        return self._tasks.get(uid)

    def all(self) -> Iterator[Task]:
        """Return every task that is known."""
        return iter(self._tasks.values())

    def of_schedule(self, key: str) -> list[Task]:
        """Return the tasks of a schedule ("namespace/name") that are there."""
        known = (self._tasks[uid] for uid in self._scheduled.get(key, ()))
        return [task for task in known if not task.is_gone]

    def uids(self) -> set[str]:
        """Return the UIDs of the tasks that are not known to be gone."""
        return {uid for uid, task in self._tasks.items() if not task.is_gone}

    def remember(self, raw: dict[str, Any]) -> bool:
        """Keep what the API server shows; return whether it is news.

        Watches, lists and the answers to our own writes overtake each other: the newest stays.
        """
        uid = raw["metadata"]["uid"]
        known = self._tasks.get(uid)
        if known and (known.is_gone or not _is_newer(raw["metadata"]["resourceVersion"], known)):
            return False
        self._keep(uid, read(raw, known))
        return True

    def wrote(self, uid: str, status: TaskStatus, version: str) -> None:
        """Keep a status that was written, before a watch shows it."""
        known = self._tasks.get(uid)
        if known and not known.is_gone and _is_newer(version, known):
            self._keep(uid, replace(known, status=status, version=version))

    def lost(self, uids: Iterable[str]) -> None:
        """Mark tasks as gone."""
        for uid in uids:
            if known := self._tasks.get(uid):
                self._keep(uid, replace(known, is_gone=True))

    def forget(self, uid: str) -> None:
        """Drop a task."""
        if known := self._tasks.pop(uid, None):
            _count(known, -1)
            if key := _schedule_of(known):
                self._scheduled[key].discard(uid)
                self._on_scheduled(key)

    def _keep(self, uid: str, task: Task) -> None:
        if known := self._tasks.get(uid):
            _count(known, -1)
        self._tasks[uid] = task
        _count(task, 1)
        if key := _schedule_of(task):
            self._scheduled.setdefault(key, set()).add(uid)
            self._on_scheduled(key)


def _schedule_of(task: Task) -> str:
    name = task.metadata.labels.get(names.SCHEDULE_LABEL)
    return f"{task.metadata.namespace}/{name}" if name else ""


def _is_newer(version: str, known: Task) -> bool:
    """Compare resource versions, which are numbers since Kubernetes 1.35 says so."""
    return int(version) > int(known.version)


def _count(task: Task, change: int) -> None:
    metrics.TASKS.labels(task.status.state or "new").inc(change)
