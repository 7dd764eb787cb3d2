"""The submitter: the one way from a row to a resource, and from a canceled row to none.

It claims rows by a lease, so any number of replicas may run it, and a row whose submitter died is
taken up by another. It creates no more than the admission window has places; withdrawing needs
none. While Kubernetes is away it tries one row at a time, ever more seldom.
"""

import asyncio
import logging
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import psycopg
import psycopg_pool
from darkroom_core import names, trace_context
from darkroom_core.logs import about
from darkroom_core.tracing import Span, Tracing, now

from darkroom_api.database import Pool
from darkroom_api.metrics import Metrics
from darkroom_api.settings import Settings
from darkroom_api.tasks import admission, submission
from darkroom_api.tasks.cluster import Cluster, ClusterUnavailableError, RefusedError
from darkroom_api.tasks.resource import resource_for
from darkroom_api.tasks.submission import Claim

_log = logging.getLogger(__name__)

LEASE_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 2.0
# While rows wait for the window: how soon a place that became free is seen.
_PLACE_POLL_SECONDS: Final = 0.2
# New rows do not make places, but each of them wakes.
_FULL_SECONDS: Final = 0.05
_STOP_SECONDS: Final = 8.0
_FIRST_BACKOFF: Final = 1.0
_LONGEST_BACKOFF: Final = 30.0
_DONE: Final = ("created", "deleted")
_DATABASE_AWAY: Final = (psycopg.Error, psycopg_pool.PoolTimeout)


def backoff_seconds(attempts: int) -> float:
    """Return how long to wait after so many failures: 1 s, doubling up to 30 s."""
    return min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0 ** min(max(attempts, 1) - 1, 10))


class Submitter:
    """Runs beside the requests."""

    def __init__(
        self,
        pool: Pool,
        cluster: Cluster,
        metrics: Metrics,
        settings: Settings,
        tracing: Tracing | None = None,
    ) -> None:
        self._pool = pool
        self._cluster = cluster
        self._metrics = metrics.tasks
        self._namespace = settings.namespace
        self._window = settings.admission_window
        self._concurrency = settings.submit_concurrency
        self._tracing = tracing
        self._running: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._is_stopping = False
        self._is_held_up = False
        self._is_full = False
        self._failures = 0
        self._resume_at = 0.0

    def wake(self) -> None:
        """Look for rows now: there is a new one, or a place became free."""
        self._woken.set()

    async def run(self) -> None:
        """Submit until told to stop, then finish what was begun."""
        while not self._is_stopping:
            self._woken.clear()
            try:
                started = await self._start_some()
            except _DATABASE_AWAY as error:
                _log.warning("tasks cannot be looked for: %s", str(error).strip())
                started = 0
            if not started:
                await self._pause()
        if self._running:
            await asyncio.wait(self._running, timeout=_STOP_SECONDS)

    def stop(self) -> None:
        """Begin nothing more."""
        self._is_stopping = True
        self.wake()

    async def _start_some(self) -> int:
        free = self._concurrency - len(self._running)
        if self._failures:
            free = 1 if not self._running and time.monotonic() >= self._resume_at else 0
        if free <= 0:
            return 0
        claims = await self._claim(free)
        for claim in claims:
            task = asyncio.create_task(self._carry_out(claim))
            self._running.add(task)
            task.add_done_callback(self._end)
        return len(claims)

    async def _claim(self, limit: int) -> list[Claim]:
        async with self._pool.connection() as connection:
            claims = await submission.claim_due(
                connection, limit=limit, lease_seconds=LEASE_SECONDS
            )
            limit -= len(claims)
            self._is_held_up = self._is_full = False
            if limit and await admission.is_anything_waiting(connection, namespace=self._namespace):
                admitted = await admission.admit(
                    connection,
                    namespace=self._namespace,
                    window=self._window,
                    limit=limit,
                    lease_seconds=LEASE_SECONDS,
                )
                self._is_held_up = len(admitted) < limit
                self._is_full = not admitted
                claims += admitted
        return claims

    def _end(self, task: asyncio.Task[None]) -> None:
        # Rows may be waiting for this place.
        if self._failures or len(self._running) >= self._concurrency:
            self.wake()
        self._running.discard(task)

    async def _pause(self) -> None:
        """Wait for a reason to look again; rows may come to be due without one."""
        if self._is_full:
            await asyncio.sleep(_FULL_SECONDS)
        resume_in = self._resume_at - time.monotonic()
        poll = _PLACE_POLL_SECONDS if self._is_held_up else _POLL_SECONDS
        seconds = min(poll, resume_in) if resume_in > 0 else poll
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

    async def _carry_out(self, claim: Claim) -> None:
        action = "withdraw" if claim.is_withdrawal else "submit"
        parent = trace_context.read(claim.traceparent) if self._tracing else None
        context = self._tracing.below(parent) if self._tracing and parent else None
        started = now()
        try:
            # The resource's traceparent is this span, so that what follows is below it.
            with about(task=claim.id, **({"trace": parent.trace_id} if parent else {})):
                if claim.is_withdrawal:
                    result = await self._withdraw(claim)
                else:
                    traceparent = context.traceparent if context else claim.traceparent
                    result = await self._submit(claim, traceparent)
        except _DATABASE_AWAY as error:
            # Kubernetes did its part; the row is found again when the lease is over.
            _log.warning("%s is not noted: %s", claim.id, str(error).strip())
            result = "unnoted"
        except Exception:  # noqa: BLE001  # one task's defect must not end the loop
            _log.exception("%s of %s failed", action, claim.id)
            result = "defect"
        self._metrics.submissions.labels(action, result).inc()
        if self._tracing and context:
            self._tracing.tell(
                Span(
                    f"{action} task",
                    context,
                    parent,
                    started,
                    now(),
                    attributes={"darkroom.task.id": claim.id, "darkroom.result": result},
                    error=None if result in _DONE else result,
                )
            )

    async def _submit(self, claim: Claim, traceparent: str | None) -> str:
        try:
            uid = await self._cluster.create_task(resource_for(claim, traceparent))
        except RefusedError as error:
            self._answered()
            _log.warning("%s was refused: %s", claim.id, error)
            async with self._pool.connection() as connection:
                await submission.note_refusal(connection, claim.id, message=str(error))
            return "refused"
        except ClusterUnavailableError as error:
            return await self._put_off(claim, error)
        self._answered()
        async with self._pool.connection() as connection:
            is_canceled = await submission.note_created(connection, claim.id, uid=uid)
        if is_canceled:
            self.wake()
        delay = (datetime.now(UTC) - claim.created_at).total_seconds()
        self._metrics.submit_delay.observe(max(delay, 0))
        return "created"

    async def _withdraw(self, claim: Claim) -> str:
        try:
            await self._cluster.delete(names.TASK, claim.namespace, claim.name, uid=claim.uid)
        except ClusterUnavailableError as error:
            return await self._put_off(claim, error)
        self._answered()
        async with self._pool.connection() as connection, connection.transaction():
            if claim.uid:
                await submission.record(connection, _canceled(claim, datetime.now(UTC)))
            await submission.note_withdrawn(connection, claim.id)
        return "deleted"

    async def _put_off(self, claim: Claim, error: ClusterUnavailableError) -> str:
        # What was under way together fails together, and counts once.
        if time.monotonic() >= self._resume_at:
            self._failures += 1
            self._resume_at = time.monotonic() + backoff_seconds(self._failures)
        _log.warning("%s is put off: %s", claim.id, error)
        async with self._pool.connection() as connection:
            await submission.note_failure(
                connection,
                claim.id,
                message=str(error),
                retry_seconds=backoff_seconds(claim.submit_attempts),
            )
        return "unavailable"

    def _answered(self) -> None:
        if self._failures:
            _log.info("Kubernetes answers again")
            self.wake()
        self._failures = 0
        self._resume_at = 0.0


def _canceled(claim: Claim, now: datetime) -> dict[str, object]:
    return {
        "namespace": claim.namespace,
        "name": claim.name,
        "uid": claim.uid,
        "status": "canceled",
        "finished_at": now.isoformat(),
    }
