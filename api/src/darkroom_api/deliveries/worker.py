"""Tells: makes deliveries from events, sends what is due, and writes digests at their hour.

Every replica runs one. They share the work by locks and leases in Postgres, and nothing that one
of them held is lost when it dies: it is due again when the lease is over.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import psycopg
import psycopg_pool

from darkroom_api.deliveries import queries
from darkroom_api.deliveries.making import MOST_EVENTS, ViewOf, make_deliveries
from darkroom_api.deliveries.queries import WebhookClaim
from darkroom_api.mail.digests import queue_digest
from darkroom_api.mail.sending import Mailer
from darkroom_api.metrics.deliveries import DeliveryMetrics
from darkroom_api.webhooks.sending import Sender

_log = logging.getLogger(__name__)

_POLL_SECONDS: Final = 0.5
_HOUSEKEEPING_SECONDS: Final = 15.0
_DELETED_AT_ONCE: Final = 1000
# Beyond the time that a receiver has: for a slow Postgres.
_LEASE_MARGIN: Final = 15.0
_STOP_SECONDS: Final = 5.0
_NOTES_AT_ONCE: Final = 3
_DATABASE_AWAY: Final = (psycopg.Error, psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed)


class Teller:
    """Runs beside the requests."""

    def __init__(
        self, sender: Sender, mailer: Mailer, metrics: DeliveryMetrics, view_of: ViewOf
    ) -> None:
        self._pool = sender.pool
        self._sender = sender
        self._mailer = mailer
        self._metrics = metrics
        self._view_of = view_of
        self._settings = sender.settings
        self._sending: dict[asyncio.Task[None], WebhookClaim] = {}
        self._notes = asyncio.Semaphore(_NOTES_AT_ONCE)
        self._made = asyncio.Event()
        self._is_due = asyncio.Event()
        self._is_ending = asyncio.Event()
        self._is_stopping = False

    def wake(self) -> None:
        """Look for deliveries now."""
        self._made.set()
        self._is_due.set()

    async def run(self) -> None:
        """Tell until told to stop, then finish what was begun, if it is soon done."""
        await asyncio.gather(
            self._repeat("make deliveries", self._make, self._made, _POLL_SECONDS),
            self._repeat("send webhooks", self._send_webhooks, self._is_due, _POLL_SECONDS),
            self._repeat("send mail", self._send_mail, self._is_ending, _POLL_SECONDS),
            self._repeat("keep house", self._keep_house, self._is_ending, _HOUSEKEEPING_SECONDS),
        )
        if self._sending:
            await asyncio.wait(self._sending, timeout=_STOP_SECONDS)
        for task in self._sending:
            task.cancel()
        with suppress(*_DATABASE_AWAY):
            async with self._pool.connection() as connection:
                await queries.give_back(connection, list(self._sending.values()))

    def stop(self) -> None:
        """Begin nothing more."""
        self._is_stopping = True
        self._is_ending.set()
        self.wake()

    async def _repeat(
        self,
        what: str,
        step: Callable[[], Awaitable[bool]],
        woken: asyncio.Event,
        seconds: float,
    ) -> None:
        while not self._is_stopping:
            if woken is not self._is_ending:
                woken.clear()
            is_more = False
            try:
                is_more = await step()
            except _DATABASE_AWAY as error:
                _log.warning("cannot %s: %s", what, str(error).strip())
            except Exception:  # noqa: BLE001  # one defect must not end the loop
                _log.exception("cannot %s", what)
            if not is_more and not self._is_stopping:
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await woken.wait()

    async def _make(self) -> bool:
        number = await make_deliveries(self._pool, self._view_of)
        if number:
            self._is_due.set()
        # What came meanwhile is made at once with what comes next.
        return number == MOST_EVENTS

    async def _send_webhooks(self) -> bool:
        free = self._settings.concurrency - len(self._sending)
        if free <= 0:
            return False
        async with self._pool.connection() as connection:
            claims = await queries.claim_webhooks(
                connection,
                limit=free,
                busy=Counter(claim.lane for claim in self._sending.values()),
                per_lane=self._settings.concurrency_per_receiver,
                lease_seconds=self._settings.timeout_seconds + _LEASE_MARGIN,
            )
        for claim in claims:
            task = asyncio.create_task(self._send_webhook(claim))
            self._sending[task] = claim
            task.add_done_callback(self._end)
        return bool(claims)

    def _end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._sending.pop(task, None)
        # There is room again, and what came after it in its channel may be due.
        self._is_due.set()

    async def _send_webhook(self, claim: WebhookClaim) -> None:
        result = "defect"
        try:
            answer = await self._sender.send(claim)
            self._metrics.webhook_seconds.observe(answer.latency_ms / 1000)
            async with self._notes:
                result = await self._sender.note(claim, answer)
        except _DATABASE_AWAY as error:
            # It is sent again when the lease is over: at least once.
            _log.warning("%s is not noted: %s", claim.id, str(error).strip())
            result = "unnoted"
        except Exception:  # noqa: BLE001  # nor this one the others
            _log.exception("%s is not noted", claim.id)
        self._metrics.webhooks.labels(result).inc()

    async def _send_mail(self) -> bool:
        claims = await self._mailer.claim()
        if claims:
            for result, number in (await self._mailer.send(claims)).items():
                self._metrics.mails.labels(result).inc(number)
        return bool(claims)

    async def _keep_house(self) -> bool:
        async with self._pool.connection() as connection:
            pending = await queries.count_pending(connection)
            deleted = await queries.delete_old(
                connection, days=self._settings.keep_days, limit=_DELETED_AT_ONCE
            )
        for kind in ("webhook", "mail"):
            number, lag = pending.get(kind, (0, 0.0))
            self._metrics.pending.labels(kind).set(number)
            self._metrics.lag.labels(kind).set(lag)
        is_digest = await queue_digest(self._pool, datetime.now(UTC))
        return is_digest or deleted == _DELETED_AT_ONCE
