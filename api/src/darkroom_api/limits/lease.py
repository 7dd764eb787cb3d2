"""Permits that this replica holds: taken from Postgres in small lots, given away in memory.

A permit is taken before it is given away, so all replicas together never give away more than the
bucket had. What they hold may be given away later than it was taken: in any stretch of time the
requests that get through are at most burst + rate * time + one lot per replica.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from darkroom_api.limits.bucket import Level, Policy

Take = Callable[[str, Policy, int], Awaitable[tuple[int, float]]]
"""Takes so many permits of a bucket at most: how many there were, and what is left."""

_MOST: Final = 20_000
_IDLE_SECONDS: Final = 60


@dataclass
class Lease:
    """What this replica holds of one bucket."""

    policy: Policy
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    held: int = 0
    left: float = 0
    asked_at: float = -math.inf
    used_at: float = 0
    waiting: int = 0

    def level(self, now: float) -> Level:
        """Return how full the bucket is."""
        return Level(self.policy, self.held, self.left, max(0.0, now - self.asked_at))

    def is_surely_empty(self, now: float) -> bool:
        """Whether Postgres need not be asked: until then nobody can have filled it up."""
        return self.left < 1 and self.left + (now - self.asked_at) * self.policy.per_second < 1


class Leases:
    """The leases of one replica, by bucket."""

    def __init__(self, take: Take, clock: Callable[[], float] = time.monotonic) -> None:
        self._take = take
        self._clock = clock
        self._leases: dict[str, Lease] = {}

    async def permit(self, key: str, policy: Policy) -> tuple[Lease, bool]:
        """Use one permit up; False: there is none."""
        now = self._clock()
        lease = self._leases.get(key)
        if lease is None or lease.policy != policy:
            self._make_room(now)
            lease = self._leases[key] = Lease(policy)
        lease.used_at = now
        if not lease.held:
            await self._refill(key, lease)
        if not lease.held:
            return lease, False
        lease.held -= 1
        return lease, True

    def level(self, lease: Lease) -> Level:
        """Return how full the lease's bucket is now."""
        return lease.level(self._clock())

    async def _refill(self, key: str, lease: Lease) -> None:
        lease.waiting += 1
        try:
            async with lease.lock:
                # Whoever held the lock before has taken permits for all who waited.
                if lease.held or lease.is_surely_empty(self._clock()):
                    return
                wanted = min(max(lease.policy.lot, lease.waiting), lease.policy.burst)
                granted, left = await self._take(key, lease.policy, wanted)
                lease.held += granted
                lease.left = left
                lease.asked_at = self._clock()
        finally:
            lease.waiting -= 1

    def _make_room(self, now: float) -> None:
        if len(self._leases) < _MOST:
            return
        idle = [key for key, lease in self._leases.items() if now - lease.used_at > _IDLE_SECONDS]
        # The oldest come first in a dict.
        for key in idle or list(self._leases)[: _MOST // 10]:
            del self._leases[key]


def give_back(lease: Lease) -> None:
    """Return a permit that was not used after all."""
    lease.held += 1
