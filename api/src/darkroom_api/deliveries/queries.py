"""The SQL of the outbox's life: claimed, told or not, tried again. One function, one statement.

A claim is a lease: it puts `due_at` off, so what a replica that died had claimed is due again by
itself. `tries` fences: who lost a claim changes nothing any more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg.rows import class_row, scalar_row

from darkroom_api.database import Connection


@dataclass(frozen=True)
class Claim:
    """A delivery that this replica is to make now."""

    id: str
    lane: str
    channel: str
    position: int
    owner: UUID | None
    endpoint: str | None
    recipient: str | None
    task_id: str | None
    type: str
    body: str
    attempts: int
    tries: int
    created_at: datetime


@dataclass(frozen=True)
class WebhookClaim(Claim):
    """A webhook, with where it goes to and what signs it."""

    url: str
    secret: bytes | None
    previous_secret: bytes | None
    traceparent: str | None


_CLAIM: Final = """id, lane, channel, position, owner, endpoint, recipient, task_id, type, body,
    attempts, tries, created_at"""


async def claim_webhooks(
    connection: Connection,
    *,
    limit: int,
    busy: Mapping[str, int],
    per_lane: int,
    lease_seconds: float,
) -> list[WebhookClaim]:
    """Claim what is due and first in its channel, no more of a lane than it has room for.

    The lanes are found one by one in their index, so a lane with a long queue costs no more than
    one with a short queue.
    """
    cursor = connection.cursor(row_factory=class_row(WebhookClaim))
    await cursor.execute(
        """
        WITH RECURSIVE lanes AS (
            (SELECT lane FROM deliveries WHERE status = 'pending' AND kind = 'webhook'
            ORDER BY lane LIMIT 1)
            UNION ALL
            SELECT (
                SELECT next.lane FROM deliveries AS next
                WHERE next.status = 'pending' AND next.kind = 'webhook' AND next.lane > lanes.lane
                ORDER BY next.lane LIMIT 1
            )
            FROM lanes WHERE lanes.lane IS NOT NULL
        ),
        room AS (
            SELECT lanes.lane, %(per_lane)s - coalesce(busy.sending, 0) AS free
            FROM lanes
            LEFT JOIN unnest(%(lanes)s::text[], %(sending)s::integer[]) AS busy (lane, sending)
                ON busy.lane = lanes.lane
            WHERE lanes.lane IS NOT NULL AND NOT EXISTS (
                SELECT FROM delivery_lanes AS held
                WHERE held.lane = lanes.lane AND held.held_until > now()
            )
        ),
        due AS (
            SELECT found.id FROM room CROSS JOIN LATERAL (
                SELECT id, due_at FROM deliveries AS d
                WHERE d.status = 'pending' AND d.kind = 'webhook' AND d.lane = room.lane
                    AND d.due_at <= now() AND NOT EXISTS (
                        SELECT FROM deliveries AS earlier
                        WHERE earlier.status = 'pending' AND earlier.channel = d.channel
                            AND earlier.position < d.position
                    )
                ORDER BY d.due_at LIMIT greatest(room.free, 0)
            ) AS found
            ORDER BY found.due_at LIMIT %(limit)s
        ),
        claimed AS (
            UPDATE deliveries SET
                attempts = attempts + 1, tries = tries + 1,
                due_at = now() + make_interval(secs => %(lease)s)
            WHERE id IN (
                SELECT id FROM deliveries
                WHERE id IN (SELECT id FROM due) AND status = 'pending' AND due_at <= now()
                FOR UPDATE SKIP LOCKED
            )
            RETURNING *
        )
        SELECT
            d.id, d.lane, d.channel, d.position, d.owner, d.endpoint, d.recipient, d.task_id,
            d.type, d.body, d.attempts, d.tries, d.created_at, coalesce(e.url, d.url) AS url,
            coalesce(e.secret, s.secret) AS secret,
            CASE WHEN coalesce(e.previous_secret_until, s.previous_secret_until) > now()
                THEN coalesce(e.previous_secret, s.previous_secret) END AS previous_secret,
            t.traceparent
        FROM claimed AS d
        LEFT JOIN webhook_endpoints AS e ON e.id = d.endpoint
        LEFT JOIN tasks AS t ON t.id = d.task_id
        LEFT JOIN webhook_default_secrets AS s ON d.endpoint IS NULL AND s.owner = d.owner
        ORDER BY d.position
        """,
        {
            "limit": limit,
            "lanes": list(busy),
            "sending": list(busy.values()),
            "per_lane": per_lane,
            "lease": lease_seconds,
        },
    )
    return await cursor.fetchall()


async def open_lane(connection: Connection, lane: str) -> bool:
    """Lock a lane in which somebody may send now; False: it is held, or somebody else has it."""
    await connection.execute(
        """
        INSERT INTO delivery_lanes (lane, held_until) VALUES (%s, now())
        ON CONFLICT DO NOTHING
        """,
        [lane],
    )
    cursor = await connection.execute(
        """
        SELECT FROM delivery_lanes WHERE lane = %s AND held_until <= now()
        FOR UPDATE SKIP LOCKED
        """,
        [lane],
    )
    return cursor.rowcount > 0


async def claim_mail(connection: Connection, *, limit: int, lease_seconds: float) -> list[Claim]:
    """Claim the mails that are due; those that somebody waits for come before the rest."""
    cursor = connection.cursor(row_factory=class_row(Claim))
    await cursor.execute(
        f"""
        UPDATE deliveries SET
            attempts = attempts + 1, tries = tries + 1,
            due_at = now() + make_interval(secs => %s)
        WHERE id IN (
            SELECT id FROM deliveries
            WHERE status = 'pending' AND kind = 'mail' AND due_at <= now()
            ORDER BY type IN ('digest', 'task_finished'), due_at
            LIMIT %s FOR UPDATE SKIP LOCKED
        )
        RETURNING {_CLAIM}
        """,  # noqa: S608  # a constant
        [lease_seconds, limit],
    )
    return sorted(await cursor.fetchall(), key=lambda claim: claim.position)


async def note_attempt(  # noqa: PLR0913  # the log's columns
    connection: Connection,
    claim: Claim,
    *,
    status_code: int | None,
    error: str | None,
    latency_ms: int,
    response: str | None,
) -> None:
    """Write one try into the log."""
    await connection.execute(
        """
        INSERT INTO delivery_attempts (delivery, number, status_code, error, latency_ms, response)
        VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        [claim.id, claim.tries, status_code, error, latency_ms, response],
    )


async def note_success(connection: Connection, claim: Claim) -> None:
    """Note that it was told."""
    await connection.execute(
        """
        UPDATE deliveries SET status = 'succeeded', error = NULL, finished_at = now()
        WHERE id = %s AND tries = %s AND status = 'pending'
        """,
        [claim.id, claim.tries],
    )


async def note_failure(connection: Connection, claim: Claim, error: str) -> None:
    """Note that it is not told, and not tried again by itself."""
    await connection.execute(
        """
        UPDATE deliveries SET status = 'failed', error = %s, finished_at = now()
        WHERE id = %s AND tries = %s AND status = 'pending'
        """,
        [error, claim.id, claim.tries],
    )


async def put_off(connection: Connection, claim: Claim, error: str, *, seconds: float) -> None:
    """Try again later, and let what comes after it in its channel wait as long."""
    await connection.execute(
        """
        UPDATE deliveries SET
            due_at = now() + make_interval(secs => %(seconds)s),
            error = CASE WHEN id = %(id)s THEN %(error)s ELSE error END
        WHERE (id = %(id)s AND tries = %(tries)s AND status = 'pending') OR (
            status = 'pending' AND channel = %(channel)s AND position > %(position)s
        )
        """,
        {
            "seconds": seconds,
            "error": error,
            "id": claim.id,
            "tries": claim.tries,
            "channel": claim.channel,
            "position": claim.position,
        },
    )


async def give_back(connection: Connection, claims: list[Claim]) -> None:
    """Let others have what was claimed and not begun."""
    await connection.execute(
        """
        UPDATE deliveries SET attempts = attempts - 1, due_at = now()
        FROM unnest(%s::text[], %s::integer[]) AS claim (id, tries)
        WHERE deliveries.id = claim.id AND deliveries.tries = claim.tries AND status = 'pending'
        """,
        [[claim.id for claim in claims], [claim.tries for claim in claims]],
    )


async def let_next_go(connection: Connection, claim: Claim) -> None:
    """Make what waited behind this one due."""
    await connection.execute(
        """
        UPDATE deliveries SET due_at = now()
        WHERE status = 'pending' AND channel = %s AND position > %s AND due_at > now()
            AND attempts = 0
        """,
        [claim.channel, claim.position],
    )


async def hold_lane(connection: Connection, lane: str, *, seconds: float, holds: int) -> None:
    """Send nothing in this lane for a while."""
    await connection.execute(
        """
        INSERT INTO delivery_lanes (lane, held_until, holds)
        VALUES (%(lane)s, now() + make_interval(secs => %(seconds)s), %(holds)s)
        ON CONFLICT (lane) DO UPDATE SET
            held_until = greatest(delivery_lanes.held_until, excluded.held_until),
            holds = excluded.holds
        """,
        {"lane": lane, "seconds": seconds, "holds": holds},
    )


async def holds_of(connection: Connection, lane: str) -> int:
    """Return how often in a row this lane was held."""
    cursor = connection.cursor(row_factory=scalar_row)
    await cursor.execute("SELECT holds FROM delivery_lanes WHERE lane = %s", [lane])
    return int(await cursor.fetchone() or 0)


async def free_lane(connection: Connection, lane: str) -> None:
    """Forget that a lane was held."""
    await connection.execute("DELETE FROM delivery_lanes WHERE lane = %s", [lane])


async def fail_pending_of_endpoint(connection: Connection, endpoint: str, error: str) -> None:
    """Give up what an endpoint would have been told; it can be replayed."""
    await connection.execute(
        """
        UPDATE deliveries SET status = 'failed', error = %s, finished_at = now()
        WHERE status = 'pending' AND lane = %s AND kind = 'webhook' AND endpoint = %s
        """,
        [error, endpoint, endpoint],
    )


async def fail_pending_of_channel(connection: Connection, channel: str, error: str) -> None:
    """Give up what a task's own URL would have been told."""
    await connection.execute(
        """
        UPDATE deliveries SET status = 'failed', error = %s, finished_at = now()
        WHERE status = 'pending' AND channel = %s
        """,
        [error, channel],
    )


async def delete_old(connection: Connection, *, days: int, limit: int) -> int:
    """Remove what ended long ago, some at a time; return how many."""
    cursor = await connection.execute(
        """
        DELETE FROM deliveries WHERE id IN (
            SELECT id FROM deliveries
            WHERE status <> 'pending' AND finished_at < now() - make_interval(days => %s)
            LIMIT %s
        )
        """,
        [days, limit],
    )
    return cursor.rowcount


async def count_pending(connection: Connection) -> dict[str, tuple[int, float]]:
    """Return, by kind, how much is not told yet, and for how many seconds at most it was due."""
    cursor = await connection.execute(
        """
        SELECT kind, count(*), coalesce(extract(epoch FROM now() - min(due_at)), 0)::float8
        FROM deliveries WHERE status = 'pending' GROUP BY kind
        """
    )
    return {kind: (number, max(lag, 0.0)) for kind, number, lag in await cursor.fetchall()}
