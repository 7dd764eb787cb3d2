"""One reader of events per replica, whatever the number of clients: it reads once for all.

Postgres says by NOTIFY that there is something to read. What is said there is only a hint: should
it be lost, with its connection or without, events are read a little later, and none is skipped.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import islice
from typing import Final
from uuid import UUID

from darkroom_core.background import running

from darkroom_api.database import AWAY, Pool
from darkroom_api.errors import UnavailableError
from darkroom_api.events import queries
from darkroom_api.events.event import Event
from darkroom_api.events.listening import Listener
from darkroom_api.events.position import Position
from darkroom_api.events.queries import Audience
from darkroom_api.events.recent import Recent
from darkroom_api.events.subscription import End, Subscription

_log = logging.getLogger(__name__)

_PAGE: Final = 500
_BACKLOG: Final = 1000
_READY_SECONDS: Final = 3
# Should every notification be lost, this is how late an event may be.
_POLL_SECONDS: Final = 5.0
_SOONEST_POLL: Final = 0.02
_LATEST_POLL: Final = 1.0
# Many events at once are cheaper than one after the other, the more so the more there are who get
# them: with 500 streams a tenth of a second.
_PAUSE: Final = 0.01
_PAUSE_EACH: Final = 0.0002
_LONGEST_PAUSE: Final = 0.5


class Hub:
    """Follows events and hands them to subscriptions, and wakes who waits for one task."""

    def __init__(self, pool: Pool, url: str) -> None:
        self.closing = asyncio.Event()
        """Set when the server shuts down: streams end then."""
        self._pool = pool
        self._listener = Listener(url, self._hear)
        self._recent: Recent | None = None
        self._position = Position(0, 0)
        self._subscriptions: dict[Audience, set[Subscription]] = {}
        self._number = 0
        self._is_left = asyncio.Event()
        self._is_left.set()
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._wake = asyncio.Event()
        self._is_read = asyncio.Condition()
        # Reads are numbered: what is committed before one begins is in what it finds.
        self._begun = 0
        self._done = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Hub"]:
        """Follow events meanwhile. Postgres may be away at first, or later."""
        async with running(self._listener.run(), self._follow(), self._end_in_time()):
            try:
                yield self
            finally:
                self._end_all()

    @property
    def streams(self) -> int:
        """How many subscriptions there are."""
        return self._number

    @property
    def position(self) -> Position:
        """How far events were read."""
        return self._position

    @asynccontextmanager
    async def subscribe(
        self,
        owner: UUID | None = None,
        task_id: str | None = None,
        *,
        after: Position | None = None,
        limit: int = _BACKLOG,
    ) -> AsyncIterator[Subscription]:
        """Get the events of one task, of one owner, or all, from now on or after a position.

        A position that is not known any more makes it begin now, with `is_reset`.
        """
        audience = Audience(None if task_id is not None else owner, task_id)
        is_reset = after is not None and not await self._is_known(after)
        if after is None or is_reset:
            await self._catch_up()
        # Nothing may be awaited from here until it is registered.
        now = self._position
        begins = now if after is None or is_reset else after

        async def read_past(position: Position, until: Position) -> list[Event]:
            return await self._past(audience, position, until)

        subscription = Subscription(
            after=begins, now=now, is_reset=is_reset, read_past=read_past, limit=limit
        )
        self._add(audience, subscription)
        try:
            yield subscription
        finally:
            self._remove(audience, subscription)

    async def close(self, seconds: float) -> None:
        """End every subscription, and wait until the readers have let go of them."""
        self.closing.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_left.wait()

    async def until_changed(self, task_id: str, version: int, seconds: float) -> bool:
        """Wait until a task has another version, so many seconds at most; whether it has.

        No connection is held meanwhile. While the server shuts down nobody waits.
        """
        deadline = time.monotonic() + seconds
        is_woken = asyncio.Event()
        self._waiting.setdefault(task_id, set()).add(is_woken)
        try:
            while True:
                is_woken.clear()
                async with self._pool.connection() as connection:
                    if await queries.version_of(connection, task_id) != version:
                        return True
                remaining = min(deadline - time.monotonic(), _POLL_SECONDS)
                if remaining <= 0 or self.closing.is_set():
                    return False
                with suppress(TimeoutError):
                    async with asyncio.timeout(remaining):
                        await is_woken.wait()
        finally:
            self._waiting[task_id].discard(is_woken)
            if not self._waiting[task_id]:
                del self._waiting[task_id]

    def _add(self, audience: Audience, subscription: Subscription) -> None:
        self._subscriptions.setdefault(audience, set()).add(subscription)
        self._number += 1
        self._is_left.clear()
        # Without subscriptions events are read now and then only.
        self._wake.set()
        if self.closing.is_set():
            subscription.end(End.CLOSING)

    def _remove(self, audience: Audience, subscription: Subscription) -> None:
        self._subscriptions[audience].discard(subscription)
        if not self._subscriptions[audience]:
            del self._subscriptions[audience]
        self._number -= 1
        if not self._number:
            self._is_left.set()

    def _hear(self, task_id: str | None) -> None:
        """Take a hint: something is new, maybe of this task; None: it may be anything."""
        if self._number:
            self._wake.set()
        if task_id is None:
            for waiting in self._waiting.values():
                _set_all(waiting)
        elif waiting := self._waiting.get(task_id, set()):
            _set_all(waiting)

    async def _end_in_time(self) -> None:
        await self.closing.wait()
        self._end_all()

    def _end_all(self) -> None:
        self._hear(None)
        for subscriptions in self._subscriptions.values():
            for subscription in subscriptions:
                subscription.end(End.CLOSING)

    async def _follow(self) -> None:
        """Read what comes, as soon as it is settled."""
        again = _SOONEST_POLL
        while True:
            self._wake.clear()
            started = time.monotonic()
            try:
                is_all = await self._read()
            except AWAY as error:
                _log.warning("events cannot be read: %s", str(error).strip())
                is_all, again = False, _LATEST_POLL
            except Exception:  # noqa: BLE001  # whatever it is, the next read may be a better one
                _log.exception("events cannot be read")
                is_all, again = False, _LATEST_POLL
            quiet = _POLL_SECONDS if self._listener.is_listening else _LATEST_POLL
            with suppress(TimeoutError):
                async with asyncio.timeout(quiet if is_all else again):
                    await self._wake.wait()
            again = _SOONEST_POLL if is_all else min(2 * again, _LATEST_POLL)
            together = min(_PAUSE + _PAUSE_EACH * self._number, _LONGEST_PAUSE)
            await asyncio.sleep(max(0.0, started + together - time.monotonic()))

    async def _read(self) -> bool:
        """Read all that is settled; whether that was all."""
        self._begun += 1
        async with self._pool.connection() as connection:
            if self._recent is None:
                await queries.delete_foreign(connection)
                self._position = await queries.last_settled(connection)
                self._recent = Recent(self._position)
            while True:
                found, is_more = await queries.next_events(connection, self._position, limit=_PAGE)
                self._publish(found)
                if len(found) < _PAGE:
                    break
                # The clients get their turn.
                await asyncio.sleep(_PAUSE)
        async with self._is_read:
            self._done = self._begun
            self._is_read.notify_all()
        return not is_more

    def _publish(self, events: Sequence[Event]) -> None:
        if not events or self._recent is None:
            return
        self._recent.add(events)
        self._position = events[-1].position
        for event in events:
            for audience in _audiences(event):
                for subscription in self._subscriptions.get(audience, ()):
                    subscription.push(event)

    async def _catch_up(self) -> None:
        """Read once more: what is settled by now belongs to the past."""
        wanted = self._begun + 1
        try:
            async with asyncio.timeout(_READY_SECONDS), self._is_read:
                while self._done < wanted:
                    self._wake.set()
                    await self._is_read.wait()
        except TimeoutError:
            raise UnavailableError("Postgres does not answer") from None

    async def _is_known(self, position: Position) -> bool:
        if self._recent and self._recent.floor <= position <= self._position:
            return True
        if self._recent is None:
            await self._catch_up()
        async with self._pool.connection() as connection:
            return await queries.is_known(connection, position)

    async def _past(self, audience: Audience, after: Position, until: Position) -> list[Event]:
        if self._recent and self._recent.floor <= after:
            found = (e for e in self._recent.after(after) if e.position <= until)
            return list(islice((e for e in found if audience in _audiences(e)), _PAGE))
        async with self._pool.connection() as connection:
            return await queries.past_events(connection, audience, after, until, limit=_PAGE)


def _audiences(event: Event) -> tuple[Audience, ...]:
    found = (Audience(), Audience(task_id=event.task_id))
    return (*found, Audience(owner=event.owner)) if event.owner else found


def _set_all(waiting: set[asyncio.Event]) -> None:
    for one in waiting:
        one.set()
