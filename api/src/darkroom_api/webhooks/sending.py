"""Makes one delivery of a webhook: signs it, sends it, and notes what came of it."""

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from darkroom_core import trace_context
from darkroom_core.log_line import without_secrets
from darkroom_core.trace_context import TraceContext
from darkroom_core.tracing import Span, Tracing, now

from darkroom_api.database import Connection, Pool
from darkroom_api.deliveries import queries
from darkroom_api.deliveries.queries import WebhookClaim
from darkroom_api.deliveries.schedule import hold_seconds, retry_after, retry_seconds
from darkroom_api.mail.outbox import Template, queue_mail
from darkroom_api.webhooks import endpoints
from darkroom_api.webhooks.sealing import BrokenSealError, Seal
from darkroom_api.webhooks.settings import WebhookSettings
from darkroom_api.webhooks.signature import headers_of, new_secret
from darkroom_api.webhooks.wire import Answer, Wire

_UNREADABLE: Final = "the secret cannot be read with this encryption key: rotate it"
_GONE: Final = "the receiver answered 410: it wants nothing more"
_FAILING: Final = "the endpoint was disabled after days of failures"


@dataclass(frozen=True)
class Sender:
    """What a delivery of a webhook takes."""

    pool: Pool
    wire: Wire
    seal: Seal
    settings: WebhookSettings
    tracing: Tracing | None = None

    async def send(self, claim: WebhookClaim) -> Answer:
        """Send it; nothing of what a receiver does is raised."""
        try:
            keys = await self._keys(claim)
        except BrokenSealError:
            return Answer(0, error=_UNREADABLE)
        body = claim.body.encode()
        headers = headers_of(claim.id, int(time.time()), body, keys)
        headers["Content-Type"] = "application/json"
        parent = trace_context.read(claim.traceparent) if self.tracing else None
        if self.tracing is None or parent is None:
            return await self.wire.post(claim.url, body, headers)
        # Each try is a span of its own beside the others, below the request that made the task.
        context, start = self.tracing.below(parent), now()
        headers[trace_context.HEADER] = context.traceparent
        answer = await self.wire.post(claim.url, body, headers)
        self.tracing.tell(_span_of(claim, answer, context, parent, start))
        return answer

    async def note(self, claim: WebhookClaim, answer: Answer) -> str:
        """Write down what came of it, and return it in a word."""
        async with self.pool.connection() as connection, connection.transaction():
            await queries.note_attempt(
                connection,
                claim,
                status_code=answer.status,
                error=answer.error,
                latency_ms=answer.latency_ms,
                response=answer.response,
            )
            if answer.error is None:
                await _note_success(connection, claim)
                return "succeeded"
            if answer.is_gone:
                await _give_up_receiver(connection, claim, because="gone", error=_GONE)
                return "gone"
            return await self._note_failure(connection, claim, answer, answer.error)

    async def _note_failure(
        self, connection: Connection, claim: WebhookClaim, answer: Answer, error: str
    ) -> str:
        asked = retry_after(answer.retry_after, datetime.now(UTC))
        if answer.is_full:
            holds = await queries.holds_of(connection, claim.lane)
            await queries.hold_lane(
                connection, claim.lane, seconds=hold_seconds(holds, asked=asked), holds=holds + 1
            )
        days = self.settings.disable_after_days
        if claim.endpoint and await endpoints.note_failing(connection, claim.endpoint, days=days):
            await _give_up_receiver(connection, claim, because="failing", error=_FAILING, days=days)
            return "failed"
        chance = random.random()  # noqa: S311  # jitter
        seconds = retry_seconds(claim.attempts, asked=asked, chance=chance)
        if seconds is None:
            await queries.note_failure(connection, claim, error)
            await queries.let_next_go(connection, claim)
            return "failed"
        await queries.put_off(connection, claim, error, seconds=seconds)
        return "retried"

    async def _keys(self, claim: WebhookClaim) -> list[bytes]:
        owner = claim.endpoint or str(claim.owner)
        sealed = claim.secret
        if sealed is None and claim.owner:
            fresh = self.seal.seal(new_secret(), owner=owner)
            async with self.pool.connection() as connection:
                sealed = await endpoints.ensure_default_secret(connection, claim.owner, fresh)
        return [
            self.seal.open(each, owner=owner) for each in (sealed, claim.previous_secret) if each
        ]


def _span_of(
    claim: WebhookClaim, answer: Answer, context: TraceContext, parent: TraceContext, start: float
) -> Span:
    """Return what a trace says of one try; the URL is the receiver's secret."""
    attributes: dict[str, str | int] = {
        "darkroom.task.id": claim.task_id or "",
        "darkroom.delivery.id": claim.id,
        "darkroom.delivery.attempt": claim.attempts,
        "http.request.method": "POST",
    }
    if answer.status is not None:
        attributes["http.response.status_code"] = answer.status
    name = f"webhook {claim.type}"
    error = answer.error and without_secrets(answer.error)
    return Span(name, context, parent, start, now(), "CLIENT", attributes, error=error)


async def _note_success(connection: Connection, claim: WebhookClaim) -> None:
    await queries.note_success(connection, claim)
    await queries.let_next_go(connection, claim)
    await queries.free_lane(connection, claim.lane)
    if claim.endpoint:
        await endpoints.note_working(connection, claim.endpoint)


async def _give_up_receiver(
    connection: Connection, claim: WebhookClaim, *, because: str, error: str, days: int = 0
) -> None:
    if claim.endpoint is None:
        await endpoints.forget_task_url(connection, claim.task_id or "")
        await queries.fail_pending_of_channel(connection, claim.channel, error)
        return
    disabled = await endpoints.disable(connection, claim.endpoint, because)
    await queries.fail_pending_of_endpoint(connection, claim.endpoint, error)
    if disabled:
        values = {"endpoint": claim.endpoint, "url": disabled.url, "because": because, "days": days}
        await queue_mail(
            connection, disabled.email, Template.WEBHOOK_DISABLED, values, owner=disabled.owner
        )
