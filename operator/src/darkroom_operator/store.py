"""The tasks that the operator knows, as the API server last showed them.

A task is kept as one compact JSON text, and read again when it is looked at: as objects it takes
ten times the memory, and leaves holes in it that nothing else fits into.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from darkroom_core import names
from darkroom_core.task import Metadata, TaskStatus

from darkroom_operator.metrics.tally import TASKS, Series, series_of
from darkroom_operator.task import Task, read

_ANNOTATIONS: Final = frozenset({names.REPLAY_ANNOTATION, names.TRACEPARENT_ANNOTATION})
_HOT: Final = 256
"""How many tasks stay read: those that something happens to now."""

_FIELDS: Final = {"resourceVersion"} | {
    field.serialization_alias or name for name, field in Metadata.model_fields.items()
}


@dataclass(frozen=True, slots=True)
class _Kept:
    text: bytes
    version: int
    series: Series
    schedule: str
    is_gone: bool = False


class Tasks:
    """Tasks by UID: a task of the same name that comes later is another one."""

    def __init__(self, on_scheduled: Callable[[str], None] = lambda _: None) -> None:
        self._kept: dict[str, _Kept] = {}
        self._scheduled: dict[str, set[str]] = {}
        self._on_scheduled = on_scheduled
        self._read = lru_cache(_HOT)(_read)
        self.is_synced = asyncio.Event()
        """Set once every task there is has been seen."""

    def get(self, uid: str) -> Task | None:
        """Return the task, if it is known."""
        kept = self._kept.get(uid)
        return self._read(kept) if kept else None

    def all(self) -> Iterator[Task]:
        """Yield every task that is known."""
        return map(_read, list(self._kept.values()))

    def of_schedule(self, key: str) -> list[Task]:
        """Return the tasks of a schedule ("namespace/name") that are there."""
        kept = (self._kept[uid] for uid in self._scheduled.get(key, ()))
        return [self._read(task) for task in kept if not task.is_gone]

    def uids(self) -> set[str]:
        """Return the UIDs of the tasks that are not known to be gone."""
        return {uid for uid, kept in self._kept.items() if not kept.is_gone}

    def remember(self, raw: dict[str, Any]) -> bool:
        """Keep what the API server shows; return whether it is news.

        Watches, lists and the answers to our own writes overtake each other: the newest stays.
        """
        metadata = raw["metadata"]
        known = self._kept.get(metadata["uid"])
        # Resource versions are numbers since Kubernetes 1.35 says so, and were before.
        version = int(metadata["resourceVersion"])
        if known and (known.is_gone or version <= known.version):
            return False
        spec, status = raw.get("spec") or {}, raw.get("status") or {}
        self._keep(
            metadata["uid"],
            _Kept(
                text=_text(metadata, spec, status),
                version=version,
                series=series_of(metadata["namespace"], spec, status.get("state")),
                schedule=_schedule_of(metadata),
            ),
        )
        return True

    def wrote(self, uid: str, status: TaskStatus, version: str) -> None:
        """Keep a status that was written, before a watch shows it."""
        known = self._kept.get(uid)
        if known is None or known.is_gone or int(version) <= known.version:
            return
        raw = json.loads(known.text)
        raw["metadata"]["resourceVersion"] = version
        text = _text(raw["metadata"], raw["spec"], status.document())
        series = series_of(raw["metadata"]["namespace"], raw["spec"], status.state)
        self._keep(uid, replace(known, text=text, version=int(version), series=series))

    def lost(self, uids: Iterable[str]) -> None:
        """Mark tasks as gone."""
        for uid in uids:
            if known := self._kept.get(uid):
                self._keep(uid, replace(known, is_gone=True))

    def forget(self, uid: str) -> None:
        """Drop a task."""
        known = self._kept.pop(uid, None)
        if known is None:
            return
        _uncount(known)
        if known.schedule:
            siblings = self._scheduled[known.schedule]
            siblings.discard(uid)
            if not siblings:
                del self._scheduled[known.schedule]
            self._on_scheduled(known.schedule)

    def _keep(self, uid: str, kept: _Kept) -> None:
        if known := self._kept.get(uid):
            _uncount(known)
        self._kept[uid] = kept
        if not kept.is_gone:
            TASKS.add(kept.series)
        if kept.schedule:
            self._scheduled.setdefault(kept.schedule, set()).add(uid)
            self._on_scheduled(kept.schedule)


def _read(kept: _Kept) -> Task:
    return read(json.loads(kept.text), is_gone=kept.is_gone)


def _text(metadata: dict[str, Any], spec: dict[str, Any], status: dict[str, Any]) -> bytes:
    """Return what matters of a task; kubectl's annotation alone would double it."""
    annotations = metadata.get("annotations") or {}
    kept = {name: value for name, value in metadata.items() if name in _FIELDS}
    ours = {name: value for name, value in annotations.items() if name in _ANNOTATIONS}
    raw = {"metadata": kept | {"annotations": ours}, "spec": spec, "status": status}
    return json.dumps(raw, separators=(",", ":")).encode()


def _schedule_of(metadata: dict[str, Any]) -> str:
    name = (metadata.get("labels") or {}).get(names.SCHEDULE_LABEL)
    return f"{metadata['namespace']}/{name}" if name else ""


def _uncount(kept: _Kept) -> None:
    if not kept.is_gone:
        TASKS.remove(kept.series)
