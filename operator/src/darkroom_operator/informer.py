"""A local copy of our Jobs or pods, kept by one list and an endless watch.

Not `kubernetes.informer`: it lives in a thread, builds model objects, keeps them whole, does not
page its lists, asks for no bookmarks and notices no dead connection. Not kopf: it deep-copies
each body, and makes no deletion event of what vanished while it was not looking.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Final, Generic, Protocol, TypeVar

from darkroom_operator.cluster import Cluster, Event, Kind
from darkroom_operator.errors import ClusterError, ExpiredError

_LOG: Final = logging.getLogger(__name__)
_FIRST_BACKOFF: Final = 0.1
_LONGEST_BACKOFF: Final = 5.0


class Child(Protocol):
    """An object that belongs to a task."""

    @property
    def uid(self) -> str:
        """Its own identity."""

    @property
    def task_uid(self) -> str:
        """Its task's identity; empty where it has none."""


ChildT = TypeVar("ChildT", bound=Child)


class Informer(Generic[ChildT]):
    """The children of one kind, by their task.

    `on_change` is called with a task's UID when something that is kept of a child has changed.
    """

    def __init__(
        self,
        cluster: Cluster,
        kind: Kind,
        read: Callable[[dict[str, Any]], ChildT],
        on_change: Callable[[str], None],
    ) -> None:
        self._cluster = cluster
        self._kind: Kind = kind
        self._read = read
        self._on_change = on_change
        self._children: dict[str, dict[str, ChildT]] = {}
        self._version: str | None = None
        self._backoff = _FIRST_BACKOFF
        self._moved_at = time.monotonic()
        self.is_synced = asyncio.Event()
        """Set once the first list is in."""

    def of(self, task_uid: str) -> tuple[ChildT, ...]:
        """Return the task's children."""
        return tuple(self._children.get(task_uid, {}).values())

    def silence(self) -> float:
        """Return the seconds since this last did anything: an event, or a try to connect."""
        return time.monotonic() - self._moved_at

    async def run(self) -> None:
        """List and watch, for ever."""
        while True:
            self._moved_at = time.monotonic()
            try:
                await self._follow()
                await asyncio.sleep(_FIRST_BACKOFF)
            except ExpiredError:
                _LOG.info("the watch of %s is too old: listing again", self._kind)
                self._version = None
            except ClusterError as error:
                _LOG.warning("%s; trying again in %.1f s", error, self._backoff)
                await asyncio.sleep(self._backoff)
                self._backoff = min(self._backoff * 2, _LONGEST_BACKOFF)

    async def _follow(self) -> None:
        if self._version is None:
            listing = await self._cluster.children(self._kind)
            self._replace(listing.items)
            self._version = listing.version
            self.is_synced.set()
        async for event in self._cluster.watch_children(self._kind, self._version):
            self._moved_at = time.monotonic()
            self._backoff = _FIRST_BACKOFF
            self._version = event.object["metadata"]["resourceVersion"]
            if event.type != "BOOKMARK":
                self._apply(event)

    def _replace(self, items: list[dict[str, Any]]) -> None:
        vanished = {
            (child.task_uid, child.uid)
            for children in self._children.values()
            for child in children.values()
        }
        for item in items:
            child = self._read(item)
            vanished.discard((child.task_uid, child.uid))
            self._keep(child)
        for task_uid, uid in vanished:
            self._drop(task_uid, uid)

    def _apply(self, event: Event) -> None:
        child = self._read(event.object)
        if event.type == "DELETED":
            self._drop(child.task_uid, child.uid)
        else:
            self._keep(child)

    def _keep(self, child: ChildT) -> None:
        if not child.task_uid:
            return
        siblings = self._children.setdefault(child.task_uid, {})
        if siblings.get(child.uid) != child:
            siblings[child.uid] = child
            self._on_change(child.task_uid)

    def _drop(self, task_uid: str, uid: str) -> None:
        siblings = self._children.get(task_uid, {})
        if siblings.pop(uid, None) is None:
            return
        if not siblings:
            del self._children[task_uid]
        self._on_change(task_uid)
