"""A local copy of the objects of one kind, kept by one list and an endless watch.

Not `kubernetes.informer`: it lives in a thread, builds model objects, keeps them whole, does not
page its lists, asks for no bookmarks and notices no dead connection. Not kopf: it deep-copies
each body, and makes no deletion event of what vanished while it was not looking.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, Protocol, TypeVar

from darkroom_operator.cluster import Cluster, Event, Kind
from darkroom_operator.errors import ClusterError, ExpiredError

_LOG: Final = logging.getLogger(__name__)
_FIRST_BACKOFF: Final = 0.1
_LONGEST_BACKOFF: Final = 5.0


class Kept(Protocol):
    """What is kept of an object."""

    @property
    def uid(self) -> str:
        """Its identity."""

    @property
    def key(self) -> str:
        """What it is looked up by: of a task's child its task's UID. Empty where it has none."""


KeptT = TypeVar("KeptT", bound=Kept)


class Informer(Generic[KeptT]):
    """The objects of one kind, by their keys.

    `on_change` is called with a key when something that is kept of one of its objects has changed.
    """

    def __init__(
        self,
        cluster: Cluster,
        kind: Kind,
        read: Callable[[dict[str, Any]], KeptT],
        on_change: Callable[[str], None],
    ) -> None:
        self._cluster = cluster
        self._kind: Kind = kind
        self._read = read
        self._on_change = on_change
        self._kept: dict[str, dict[str, KeptT]] = {}
        self._version: str | None = None
        self._backoff = _FIRST_BACKOFF
        self._moved_at = time.monotonic()
        self.is_synced = asyncio.Event()
        """Set once the first list is in."""

    def of(self, key: str) -> tuple[KeptT, ...]:
        """Return the objects with this key."""
        return tuple(self._kept.get(key, {}).values())

    def one(self, key: str) -> KeptT | None:
        """Return the object with this key, of a kind of which each has its own."""
        return next(iter(self.of(key)), None)

    def all(self) -> Iterator[KeptT]:
        """Return every object."""
        return (kept for siblings in self._kept.values() for kept in siblings.values())

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
            self._version = await self._list()
            self.is_synced.set()
        async for event in self._cluster.watch(self._kind, self._version):
            self._moved_at = time.monotonic()
            self._backoff = _FIRST_BACKOFF
            self._version = event.object["metadata"]["resourceVersion"]
            if event.type != "BOOKMARK":
                self._apply(event)

    async def _list(self) -> str:
        version = ""
        vanished = {(kept.key, kept.uid) for kept in self.all()}
        async for page in self._cluster.pages(self._kind):
            for item in page.items:
                kept = self._read(item)
                vanished.discard((kept.key, kept.uid))
                self._keep(kept)
            version = page.version
        for key, uid in vanished:
            self._drop(key, uid)
        return version

    def _apply(self, event: Event) -> None:
        kept = self._read(event.object)
        if event.type == "DELETED":
            self._drop(kept.key, kept.uid)
        else:
            self._keep(kept)

    def _keep(self, kept: KeptT) -> None:
        if not kept.key:
            return
        siblings = self._kept.setdefault(kept.key, {})
        if siblings.get(kept.uid) != kept:
            siblings[kept.uid] = kept
            self._on_change(kept.key)

    def _drop(self, key: str, uid: str) -> None:
        siblings = self._kept.get(key, {})
        if siblings.pop(uid, None) is None:
            return
        if not siblings:
            del self._kept[key]
        self._on_change(key)
