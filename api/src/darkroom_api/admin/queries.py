"""The SQL of what operators look at: one function, one statement.

Each reads an index that holds little, or one pass over rows that a dashboard can wait for.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from darkroom_api.database import Connection
from darkroom_api.tasks.queries import Position


@dataclass(frozen=True)
class QueueRow:
    """The unfinished tasks of one pool and priority."""

    pool: str
    priority: int
    waiting: int
    submitted: int
    running: int
    oldest_queued_at: datetime | None


async def queues(connection: Connection) -> list[QueueRow]:
    """Count unfinished tasks by pool and priority, the most urgent first."""
    cursor = connection.cursor(row_factory=class_row(QueueRow))
    await cursor.execute(
        """
        SELECT pool, priority,
            count(*) FILTER (WHERE status = 'queued' AND uid IS NULL) AS waiting,
            count(*) FILTER (WHERE status = 'queued' AND uid IS NOT NULL) AS submitted,
            count(*) FILTER (WHERE status = 'running') AS running,
            min(created_at) FILTER (WHERE status = 'queued') AS oldest_queued_at
        FROM tasks WHERE status IN ('queued', 'running')
        GROUP BY pool, priority ORDER BY pool, priority DESC
        """
    )
    return await cursor.fetchall()


@dataclass(frozen=True)
class ThroughputRow:
    """What came in and what ended in one period."""

    at: datetime
    created: int
    succeeded: int
    failed: int
    canceled: int
    expired: int


async def throughput(
    connection: Connection, *, per: Literal["minute", "hour"], periods: int
) -> list[ThroughputRow]:
    """Count tasks by the period in which they were made or ended: those up to now, oldest first."""
    cursor = connection.cursor(row_factory=class_row(ThroughputRow))
    await cursor.execute(
        """
        WITH step AS (SELECT ('1 ' || %(per)s)::interval AS length),
        period AS (
            SELECT at FROM step, generate_series(
                date_trunc(%(per)s, now()) - length * (%(periods)s - 1),
                date_trunc(%(per)s, now()), length
            ) AS at
        ),
        made AS (
            SELECT date_trunc(%(per)s, created_at) AS at, count(*) AS created FROM tasks
            WHERE created_at >= (SELECT min(at) FROM period) GROUP BY 1
        ),
        ended AS (
            SELECT date_trunc(%(per)s, finished_at) AS at,
                count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
                count(*) FILTER (WHERE status = 'failed') AS failed,
                count(*) FILTER (WHERE status = 'canceled') AS canceled,
                count(*) FILTER (WHERE status = 'expired') AS expired
            FROM tasks
            WHERE finished_at IS NOT NULL AND finished_at >= (SELECT min(at) FROM period)
            GROUP BY 1
        )
        SELECT at, coalesce(created, 0) AS created, coalesce(succeeded, 0) AS succeeded,
            coalesce(failed, 0) AS failed, coalesce(canceled, 0) AS canceled,
            coalesce(expired, 0) AS expired
        FROM period LEFT JOIN made USING (at) LEFT JOIN ended USING (at) ORDER BY at
        """,
        {"per": per, "periods": periods},
    )
    return await cursor.fetchall()


@dataclass(frozen=True)
class FailureRow:
    """Failed tasks of one reason."""

    code: str
    pool: str
    count: int
    dead_lettered: int
    last_at: datetime
    last_task: str
    last_message: str | None


async def failures(connection: Connection, *, hours: int) -> list[FailureRow]:
    """Count the tasks that failed in the last hours, by reason and pool, the most first."""
    cursor = connection.cursor(row_factory=class_row(FailureRow))
    await cursor.execute(
        """
        SELECT coalesce(error ->> 'code', 'unknown') AS code, pool, count(*) AS count,
            count(*) FILTER (WHERE dead_lettered) AS dead_lettered, max(finished_at) AS last_at,
            (array_agg(id ORDER BY finished_at DESC))[1] AS last_task,
            (array_agg(error ->> 'message' ORDER BY finished_at DESC))[1] AS last_message
        FROM tasks
        WHERE finished_at IS NOT NULL AND status = 'failed'
            AND finished_at >= now() - make_interval(hours => %s)
        GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
        """,
        [hours],
    )
    return await cursor.fetchall()


@dataclass(frozen=True)
class DeadLetterRow:
    """A failed task that a replay may help, and that nobody has replayed."""

    id: str
    owner: UUID | None
    pool: str
    attempts: int
    error: dict[str, Any] | None
    created_at: datetime
    finished_at: datetime | None


async def dead_letters(
    connection: Connection, *, after: Position | None, limit: int
) -> list[DeadLetterRow]:
    """Return them, the newest first."""
    place = sql.SQL("AND (created_at, id) < (%(created_at)s, %(id)s)" if after else "")
    cursor = connection.cursor(row_factory=class_row(DeadLetterRow))
    await cursor.execute(
        sql.SQL(
            """
            SELECT id, owner, pool, attempts, error, created_at, finished_at FROM tasks
            WHERE dead_lettered {}
                AND NOT EXISTS (SELECT 1 FROM tasks AS replay WHERE replay.origin = tasks.id)
                AND NOT EXISTS (SELECT 1 FROM tasks AS replay WHERE replay.origin = tasks.name)
            ORDER BY created_at DESC, id DESC LIMIT %(limit)s
            """
        ).format(place),
        {"limit": limit, "created_at": after and after.created_at, "id": after and after.id},
    )
    return await cursor.fetchall()


@dataclass(frozen=True)
class StorageRow:
    """What one user's tasks keep in storage."""

    owner: UUID | None
    email: str | None
    tasks: int
    upload_bytes: int
    output_bytes: int


async def storage_used(connection: Connection, *, limit: int) -> list[StorageRow]:
    """Add up what rows say is stored, by user, the most first."""
    cursor = connection.cursor(row_factory=class_row(StorageRow))
    await cursor.execute(
        """
        WITH made AS (
            SELECT owner, count(*) AS tasks,
                coalesce(sum(
                    (SELECT sum((file ->> 'bytes')::bigint)
                    FROM jsonb_array_elements(outputs) AS file)
                ), 0)::bigint AS bytes
            FROM tasks WHERE outputs_deleted_at IS NULL GROUP BY owner
        ), sent AS (
            SELECT owner, sum(size)::bigint AS bytes FROM files GROUP BY owner
        ), kept AS (
            SELECT owner, coalesce(tasks, 0) AS tasks,
                coalesce(sent.bytes, 0) AS upload_bytes, coalesce(made.bytes, 0) AS output_bytes
            FROM made FULL JOIN sent USING (owner)
        )
        SELECT owner, email, tasks, upload_bytes, output_bytes
        FROM kept LEFT JOIN users ON users.id = owner
        ORDER BY upload_bytes + output_bytes DESC, owner LIMIT %s
        """,
        [limit],
    )
    return await cursor.fetchall()


@dataclass(frozen=True)
class RecordingRow:
    """How soon the last hour's ends were recorded, in seconds, and what the submitter owes."""

    recorded: int
    lag_p50: float | None
    lag_p99: float | None
    lag_max: float | None
    due: int
    oldest_due_at: datetime | None


async def recording(connection: Connection) -> RecordingRow:
    """Compare when tasks ended with when their rows said so."""
    cursor = connection.cursor(row_factory=class_row(RecordingRow))
    await cursor.execute(
        """
        WITH lag AS (
            SELECT extract(epoch FROM updated_at - finished_at)::float AS seconds FROM tasks
            WHERE finished_at IS NOT NULL AND finished_at >= now() - interval '1 hour'
                AND uid IS NOT NULL AND status IN ('succeeded', 'failed')
                AND outputs_deleted_at IS NULL
        ),
        due AS (
            SELECT count(*) AS due, min(submit_after) AS oldest_due_at FROM tasks
            WHERE (
                (cancel_requested_at IS NOT NULL AND withdrawn_at IS NULL)
                OR (uid IS NULL AND status = 'queued' AND submit_attempts > 0)
            ) AND submit_after <= now()
        )
        SELECT count(seconds) AS recorded,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS lag_p50,
            percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds) AS lag_p99,
            max(seconds) AS lag_max, (SELECT due FROM due) AS due,
            (SELECT oldest_due_at FROM due) AS oldest_due_at
        FROM lag
        """
    )
    row = await cursor.fetchone()
    assert row  # noqa: S101  # an aggregate
    return row


@dataclass(frozen=True)
class KnownTry:
    """What rows know of a task whose processor was seen."""

    uid: str
    id: str
    owner: UUID | None
    is_final: bool
    ended_pods: list[str]


async def known_tries(connection: Connection, uids: list[str]) -> list[KnownTry]:
    """Return what rows say of these tasks' processors."""
    cursor = connection.cursor(row_factory=class_row(KnownTry))
    await cursor.execute(
        """
        SELECT uid, id, owner, status NOT IN ('queued', 'running') AS is_final,
            ARRAY(
                SELECT try ->> 'pod' FROM jsonb_array_elements(tries) AS try
                WHERE try ->> 'finishedAt' IS NOT NULL
            ) AS ended_pods
        FROM tasks WHERE uid = ANY(%s)
        """,
        [uids],
    )
    return await cursor.fetchall()
