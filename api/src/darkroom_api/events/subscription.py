"""One reader's place at the hub: what it has missed first, then what happens."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import StrEnum
from typing import Final

from darkroom_api.events.event import Event
from darkroom_api.events.position import Position

_BATCH: Final = 64

ReadPast = Callable[[Position, Position], Awaitable[list[Event]]]
"""Returns some of what came after the first position, up to the second."""


class End(StrEnum):
    """Why a subscription has ended."""

    CLOSING = "closing"
    """The server shuts down."""
    LAGGING = "lagging"
    """The reader did not keep up."""


class SubscriptionEndedError(Exception):
    """Nothing more comes: read on at another time, or another replica, from where it ended."""

    def __init__(self, end: End) -> None:
        super().__init__(end.value)
        self.end = end


class Subscription:
    """An async iterator of events. It keeps at most `limit` of them for a reader that is slow."""

    def __init__(
        self, *, after: Position, now: Position, is_reset: bool, read_past: ReadPast, limit: int
    ) -> None:
        self.position = after
        """After the last event that was read."""
        self.is_reset = is_reset
        """Whether it could not begin where it was wished."""
        self._now = now
        self._read_past: ReadPast | None = read_past if after < now else None
        self._limit = limit
        self._queue: deque[Event] = deque()
        self._is_changed = asyncio.Event()
        self._end: End | None = None

    def push(self, event: Event) -> None:
        """Hand an event over. A reader that does not read loses its place, and nobody else does."""
        if self._end or event.position <= self.position:
            return
        if len(self._queue) >= self._limit:
            self.end(End.LAGGING)
            return
        self._queue.append(event)
        self._is_changed.set()

    def end(self, end: End) -> None:
        """Let nothing more come."""
        self._end = self._end or end
        self._queue.clear()
        self._is_changed.set()

    async def next(self, seconds: float | None = None) -> list[Event]:
        """Return what comes next, some at a time; nothing after so many seconds of silence."""
        if self._end:
            raise SubscriptionEndedError(self._end)
        if self._read_past:
            past = await self._read_past(self.position, self._now)
            if past:
                self.position = past[-1].position
                return past
            self._read_past = None
        if not self._queue and not await self._wait(seconds):
            return []
        if self._end:
            raise SubscriptionEndedError(self._end)
        found = [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]
        if found:
            self.position = found[-1].position
        return found

    async def _wait(self, seconds: float | None) -> bool:
        self._is_changed.clear()
        try:
            async with asyncio.timeout(seconds):
                return await self._is_changed.wait()
        except TimeoutError:
            return False

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Go through the events until the subscription ends."""
        try:
            while True:
                for event in await self.next():
                    yield event
        except SubscriptionEndedError:
            return
