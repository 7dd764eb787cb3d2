"""The mirror: what the cluster shows, written to Postgres, which is the history.

One statement carries whatever has gathered while the one before was under way: at rest a change is
written at once, under load many are written together. While Postgres is away the newest
observation of each task is kept, and tasks go on. What is lost with this process is observed again
by the next one, for a finished task stays in the cluster until its end is recorded.
"""

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

import psycopg

from darkroom_operator.metrics import mirror as metrics
from darkroom_operator.postgres import Postgres
from darkroom_operator.record import Observation, is_final

_LOG: Final = logging.getLogger(__name__)
_BATCH: Final = 200
_FIRST_BACKOFF: Final = 0.2
_LONGEST_BACKOFF: Final = 5.0

# Whatever else psycopg raises passes: Postgres is away, or its migrations are not there yet.
_REFUSED: Final = (psycopg.DataError, psycopg.IntegrityError, psycopg.InternalError)


class _Known(NamedTuple):
    """What was submitted last; of thousands of tasks, so no more than is needed to compare."""

    digest: bytes
    is_final: bool


class Mirror(Protocol):
    """Whatever keeps the history."""

    def submit(self, observation: Observation) -> None:
        """Have this written as soon as possible, unless it is known already."""

    def is_recorded(self, uid: str) -> bool:
        """Whether the task's end is in Postgres."""

    def forget(self, uid: str) -> None:
        """Drop what is remembered about a task that will not be seen again."""

    async def unfinished(self) -> list[tuple[str, str, str]]:
        """Return uid, namespace and name of the rows that are not finished."""


class PostgresMirror:
    """The history in Postgres. `on_recorded` is called with a UID once its end is recorded."""

    def __init__(self, postgres: Postgres, on_recorded: Callable[[str], None]) -> None:
        self._postgres = postgres
        self._on_recorded = on_recorded
        self._pending: dict[str, tuple[float, Observation]] = {}
        self._known: dict[str, _Known] = {}
        self._recorded: set[str] = set()
        self._is_filled = asyncio.Event()
        # A scrape has a thread of its own, and a list is made in one go.
        metrics.watch(lambda: [since for since, _ in list(self._pending.values())])

    def submit(self, observation: Observation) -> None:
        """Queue the observation; an older one of the same task makes way."""
        uid = observation["uid"]
        # The spec is long, cannot change in what matters, and is written once per process.
        rest = {key: value for key, value in observation.items() if key != "spec"}
        fingerprint = _Known(_digest(rest), is_final(rest))
        known = self._known.get(uid)
        if known == fingerprint or (known and known.is_final):
            return
        since, waiting = self._pending.pop(uid, (time.time(), {}))
        if known is not None and "spec" not in waiting:
            observation = rest
        self._known[uid] = fingerprint
        self._pending[uid] = (since, observation)
        self._is_filled.set()

    def is_recorded(self, uid: str) -> bool:
        """Whether the end was written by this process."""
        return uid in self._recorded

    def forget(self, uid: str) -> None:
        """Drop everything but what still waits to be written."""
        self._known.pop(uid, None)
        self._recorded.discard(uid)

    async def unfinished(self) -> list[tuple[str, str, str]]:
        """Read the rows that somebody still waits for."""
        rows = await self._postgres.fetch(
            "SELECT uid, namespace, name FROM tasks"
            " WHERE uid IS NOT NULL AND status IN ('queued', 'running')"
        )
        return [(uid, namespace, name) for uid, namespace, name in rows]

    async def run(self) -> None:
        """Write what is submitted, for ever."""
        backoff = _FIRST_BACKOFF
        while True:
            await self._is_filled.wait()
            try:
                await self.flush()
                backoff = _FIRST_BACKOFF
            except (psycopg.Error, TimeoutError) as error:
                metrics.AWAY.inc()
                _LOG.warning(
                    "Postgres: %s; again in %.1f s", str(error).partition("\n")[0], backoff
                )
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, _LONGEST_BACKOFF)

    async def flush(self) -> None:
        """Write all that waits now; raises what psycopg raises while Postgres is away."""
        while self._pending:
            batch = dict(list(self._pending.items())[:_BATCH])
            try:
                await self._record([observation for _, observation in batch.values()])
            except _REFUSED:
                for uid, entry in batch.items():
                    await self._record_alone(uid, entry)
            else:
                for uid, entry in batch.items():
                    self._settle(uid, entry)
        self._is_filled.clear()

    async def _record_alone(self, uid: str, entry: tuple[float, Observation]) -> None:
        """Write one by itself, so that an observation that is refused holds up no other."""
        try:
            await self._record([entry[1]])
        except _REFUSED as error:
            metrics.REFUSED.inc()
            _LOG.error("Postgres refuses the record of task %s: %s", uid, error)
            if self._pending.get(uid) == entry:
                del self._pending[uid]
            # Not known after all: the next resync submits it again.
            self._known.pop(uid, None)
        else:
            self._settle(uid, entry)

    async def _record(self, observations: list[Observation]) -> None:
        # In one order everywhere, so that two writers cannot wait for each other's rows.
        ordered = sorted(observations, key=lambda observation: str(observation["uid"]))
        await self._postgres.fetch(
            "SELECT darkroom_record(o) FROM jsonb_array_elements(%s::jsonb) AS o",
            (_json(ordered),),
        )

    def _settle(self, uid: str, entry: tuple[float, Observation]) -> None:
        metrics.RECORDED.inc()
        if self._pending.get(uid) == entry:
            del self._pending[uid]
        if is_final(entry[1]):
            self._recorded.add(uid)
            self._on_recorded(uid)


def _digest(observation: Observation) -> bytes:
    return hashlib.blake2b(json.dumps(observation).encode(), digest_size=16).digest()


def _json(value: Any) -> str:  # noqa: ANN401  # JSON
    text = json.dumps(value)
    # jsonb has no NUL, and JSON has: it may come from a report or a URL.
    return json.dumps(_without_nul(value)) if "\\u0000" in text else text


def _without_nul(value: Any) -> Any:  # noqa: ANN401  # JSON
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_nul(item) for key, item in value.items()}
    return value
