"""Which tasks of a pool may run: as many as it has places, in the order of their turns.

First by priority; waiting raises a task by one class for each of the pool's ageing times, so that
nothing starves. Inside a class by stride scheduling over users (Waldspurger and Weihl, 1995): each
start moves a user's pass forward by 1 / weight, and the lowest pass is next. Inside a user by age.

No IO and no clock: what is known of each task is noted here, and whose turn comes is told.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from darkroom_core.task import Priority

_CLASSES: Final = {Priority.LOW: 0, Priority.DEFAULT: 1, Priority.CRITICAL: 2}
_HIGHEST: Final = 2
_MOST_PASSES: Final = 1024


@dataclass(frozen=True, slots=True)
class Claim:
    """A task's claim to a place in its pool."""

    pool: str
    user: str
    priority: Priority
    since: datetime
    holds: bool
    """Whether it has its place already: a Job of it is under way."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a pool shares its places."""

    places: int
    ageing_seconds: int = 300
    weights: Mapping[str, int] = field(default_factory=dict)


Queue = dict[str, datetime]
"""Waiting tasks by UID, with since when."""


@dataclass(slots=True)
class _Pool:
    taken: set[str] = field(default_factory=set)
    queues: dict[tuple[str, Priority], Queue] = field(default_factory=dict)
    passes: dict[str, float] = field(default_factory=dict)
    now_at: float = 0.0
    """The pass of the user that was served last: who was away starts from here."""


class Admission:
    """The places of all pools.

    `terms_of` tells how a pool shares its places now; `on_turn` is called with a task's UID when
    its turn has come.
    """

    def __init__(self, terms_of: Callable[[str], Terms], on_turn: Callable[[str], None]) -> None:
        self._terms_of = terms_of
        self._on_turn = on_turn
        self._pools: dict[str, _Pool] = {}
        self._claims: dict[str, Claim] = {}

    def note(self, uid: str, claim: Claim | None, now: datetime) -> bool:
        """Note what a task claims now; return whether it has a place."""
        self.put(uid, claim)
        if claim is None:
            return False
        self.fill(claim.pool, now, asking=uid)
        return uid in self._pools[claim.pool].taken

    def put(self, uid: str, claim: Claim | None) -> None:
        """Note a claim without giving any place away: for the time when not all is known yet."""
        before = self._claims.get(uid)
        if before and (claim is None or before.pool != claim.pool):
            self._leave(uid, before)
        if claim is None:
            self._claims.pop(uid, None)
            return
        self._claims[uid] = claim
        pool = self._pool(claim.pool)
        if claim.holds:
            pool.taken.add(uid)
            _unqueue(pool, uid, claim)
        elif uid not in pool.taken:
            pool.queues.setdefault((claim.user, claim.priority), {})[uid] = claim.since

    def drop(self, uid: str, now: datetime) -> None:
        """Forget a task; its place is free."""
        claim = self._claims.get(uid)
        self.put(uid, None)
        if claim:
            self.fill(claim.pool, now)

    def fill(self, name: str, now: datetime, *, asking: str = "") -> None:
        """Give free places away; nobody loses one, also where there are fewer than before."""
        pool = self._pool(name)
        if not pool.queues:
            return
        terms = self._terms_of(name)
        while len(pool.taken) < terms.places:
            turn = _next(pool, terms, now)
            if turn is None:
                return
            user, priority, uid = turn
            _unqueue_from(pool, (user, priority), uid)
            pool.taken.add(uid)
            _charge(pool, user, terms)
            if uid != asking:
                self._on_turn(uid)

    def give_back(self, uid: str) -> None:
        """Take back a place that was given and is not used: the task has to wait once more."""
        claim = self._claims.get(uid)
        if claim and not claim.holds:
            self._pool(claim.pool).taken.discard(uid)

    def counts(self, pool: str) -> tuple[int, int]:
        """Return how many tasks of a pool have a place, and how many wait."""
        held = self._pool(pool)
        return len(held.taken), sum(len(queue) for queue in held.queues.values())

    def oldest(self, pool: str) -> datetime | None:
        """Return since when the task of a pool waits that waits the longest."""
        queues = self._pool(pool).queues.values()
        return min((since for queue in queues for since in queue.values()), default=None)

    def pools(self) -> set[str]:
        """Return the pools of which tasks claim places."""
        return {name for name, pool in self._pools.items() if pool.taken or pool.queues}

    def _pool(self, name: str) -> _Pool:
        return self._pools.setdefault(name, _Pool())

    def _leave(self, uid: str, claim: Claim) -> None:
        pool = self._pool(claim.pool)
        pool.taken.discard(uid)
        _unqueue(pool, uid, claim)


def _next(pool: _Pool, terms: Terms, now: datetime) -> tuple[str, Priority, str] | None:
    """Return user, class and UID of the task whose turn it is."""
    heads = list(_heads(pool, terms, now))
    if not heads:
        return None
    _, _, _, user, priority, uid = min(heads)
    return user, priority, uid


def _heads(
    pool: _Pool, terms: Terms, now: datetime
) -> Iterator[tuple[int, float, datetime, str, Priority, str]]:
    """Yield the first task of each user and class, in an order in which the least is next."""
    for (user, priority), queue in pool.queues.items():
        uid, since = min(queue.items(), key=lambda item: (item[1], item[0]))
        aged = int((now - since).total_seconds() // terms.ageing_seconds)
        rank = min(_CLASSES[priority] + max(aged, 0), _HIGHEST)
        turn = max(pool.passes.get(user, 0.0), pool.now_at)
        yield -rank, turn, since, user, priority, uid


def _charge(pool: _Pool, user: str, terms: Terms) -> None:
    """Move a user's pass forward by one start."""
    pool.now_at = max(pool.now_at, pool.passes.get(user, 0.0))
    pool.passes[user] = pool.now_at + 1 / terms.weights.get(user, 1)
    if len(pool.passes) > _MOST_PASSES:
        pool.passes = {u: at for u, at in pool.passes.items() if at > pool.now_at}


def _unqueue(pool: _Pool, uid: str, claim: Claim) -> None:
    _unqueue_from(pool, (claim.user, claim.priority), uid)


def _unqueue_from(pool: _Pool, key: tuple[str, Priority], uid: str) -> None:
    queue = pool.queues.get(key)
    if queue is None:
        return
    queue.pop(uid, None)
    if not queue:
        del pool.queues[key]
