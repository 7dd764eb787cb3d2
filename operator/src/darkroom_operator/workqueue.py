"""A queue of keys that drops duplicates.

As in client-go: a key that waits is not added twice; a key that is being worked on is handed out
again only when that work is done, so no key is ever worked on twice at the same time.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from darkroom_operator.metrics import controller as metrics

_FIRST_BACKOFF: Final = 0.1
_LONGEST_BACKOFF: Final = 60.0


class WorkQueue:
    """Keys to be worked on, in the order in which they came."""

    def __init__(self, name: str = "task", *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._depth = metrics.QUEUE_DEPTH.labels(name)
        self._adds = metrics.QUEUE_ADDS.labels(name)
        self._retries = metrics.QUEUE_RETRIES.labels(name)
        self._queue_seconds = metrics.QUEUE_SECONDS.labels(name)
        self._work_seconds = metrics.WORK_SECONDS.labels(name)
        self._longest_work = metrics.LONGEST_WORK.labels(name)
        self._unfinished_work = metrics.UNFINISHED_WORK.labels(name)
        # It wakes one worker for each key; an event would wake all of them.
        self._waiting: asyncio.Queue[str] = asyncio.Queue()
        self._dirty: dict[str, float] = {}
        self._working: dict[str, float] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._failures: dict[str, int] = {}

    def __len__(self) -> int:
        return self._waiting.qsize()

    def add(self, key: str) -> None:
        """Put the key into the queue unless it waits there already."""
        if key in self._dirty:
            return
        self._adds.inc()
        self._dirty[key] = self._clock()
        if key not in self._working:
            self._enqueue(key)

    def add_after(self, key: str, seconds: float) -> None:
        """Put the key into the queue later; of several times the first counts."""
        loop = asyncio.get_running_loop()
        at = loop.time() + seconds
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= at:
                return
            timer.cancel()
        self._timers[key] = loop.call_at(at, self._ring, key)

    def add_failed(self, key: str) -> float:
        """Put the key back after an error; return the seconds that it waits."""
        self._retries.inc()
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        seconds = min(_FIRST_BACKOFF * 2.0**failures, _LONGEST_BACKOFF)
        self.add_after(key, seconds)
        return seconds

    def succeeded(self, key: str) -> None:
        """Forget earlier failures of the key."""
        self._failures.pop(key, None)

    def forget(self, key: str) -> None:
        """Forget when the key was to be looked at again."""
        self._failures.pop(key, None)
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    async def get(self) -> str:
        """Wait for a key; whoever gets one must call `done`."""
        key = await self._waiting.get()
        now = self._clock()
        self._depth.set(len(self))
        self._queue_seconds.observe(now - self._dirty.pop(key))
        self._working[key] = now
        return key

    def done(self, key: str) -> None:
        """Say that the work on a key is over."""
        self._work_seconds.observe(self._clock() - self._working.pop(key))
        if key in self._dirty:
            self._enqueue(key)

    def longest_work(self) -> float:
        """Return how many seconds the longest work has been under way, 0 without any."""
        now = self._clock()
        ages = [now - since for since in self._working.values()]
        self._unfinished_work.set(sum(ages))
        self._longest_work.set(max(ages, default=0))
        return max(ages, default=0)

    def _enqueue(self, key: str) -> None:
        self._waiting.put_nowait(key)
        self._depth.set(len(self))

    def _ring(self, key: str) -> None:
        self._timers.pop(key, None)
        self.add(key)
