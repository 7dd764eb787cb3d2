"""The SQL of the submitter: rows that still have to become resources, or to lose theirs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from darkroom_core.conditions import Reason
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from darkroom_api.database import Connection


@dataclass(frozen=True)
class Claim:
    """A row that is ours for as long as the lease lasts."""

    id: str
    owner: UUID | None
    namespace: str
    name: str
    uid: str | None
    spec: dict[str, Any]
    created_at: datetime
    submit_attempts: int
    is_withdrawal: bool
    traceparent: str | None


RETURNING_CLAIM: Final = sql.SQL(
    """
    RETURNING tasks.id, tasks.owner, tasks.namespace, tasks.name, tasks.uid,
        coalesce(tasks.spec, '{}') AS spec, tasks.created_at, tasks.submit_attempts,
        tasks.cancel_requested_at IS NOT NULL AS is_withdrawal, tasks.traceparent
    """
)


async def claim_due(connection: Connection, *, limit: int, lease_seconds: float) -> list[Claim]:
    """Take rows to withdraw or to try again; nobody else gets them until the lease is over."""
    cursor = connection.cursor(row_factory=class_row(Claim))
    await cursor.execute(
        sql.SQL(
            """
            UPDATE tasks SET
                submit_after = now() + make_interval(secs => %(lease)s),
                submit_attempts = submit_attempts + 1
            WHERE id IN (
                SELECT id FROM tasks
                WHERE submit_after <= now() AND (
                    (cancel_requested_at IS NOT NULL AND withdrawn_at IS NULL)
                    OR (uid IS NULL AND status = 'queued' AND submit_attempts > 0)
                )
                ORDER BY submit_after
                LIMIT %(limit)s
                FOR UPDATE SKIP LOCKED
            )
            {}
            """
        ).format(RETURNING_CLAIM),
        {"limit": limit, "lease": lease_seconds},
    )
    return await cursor.fetchall()


async def note_created(connection: Connection, task_id: str, *, uid: str) -> bool:
    """Note that the resource exists; return whether it was canceled meanwhile."""
    cursor = await connection.execute(
        """
        UPDATE tasks SET
            uid = coalesce(uid, %(uid)s), submitted_at = coalesce(submitted_at, now()),
            submit_after = now(), submit_error = NULL, updated_at = now()
        WHERE id = %(id)s
        RETURNING cancel_requested_at IS NOT NULL
        """,
        {"id": task_id, "uid": uid},
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def note_withdrawn(connection: Connection, task_id: str) -> None:
    """Note that a canceled task has no resource any more."""
    await connection.execute(
        """
        UPDATE tasks SET withdrawn_at = now(), submit_error = NULL, updated_at = now()
        WHERE id = %s
        """,
        [task_id],
    )


async def note_failure(
    connection: Connection, task_id: str, *, message: str, retry_seconds: float
) -> None:
    """Note what went wrong, and when to try again."""
    await connection.execute(
        """
        UPDATE tasks SET
            submit_error = %s, submit_after = now() + make_interval(secs => %s), updated_at = now()
        WHERE id = %s
        """,
        [message, retry_seconds, task_id],
    )


async def note_refusal(connection: Connection, task_id: str, *, message: str) -> None:
    """End a task that Kubernetes will never take."""
    error = {"code": "refused", "message": message, "retryable": False}
    await connection.execute(
        """
        UPDATE tasks SET
            status = 'failed', error = %s, reason = %s, message = %s, submit_error = %s,
            finished_at = now(), updated_at = now()
        WHERE id = %s AND status = 'queued' AND uid IS NULL
        """,
        [Jsonb(error), Reason.REFUSED.value, message, message, task_id],
    )


async def record(connection: Connection, observation: dict[str, Any]) -> None:
    """Record what was seen of a resource, as the operator does."""
    await connection.execute("SELECT darkroom_record(%s)", [Jsonb(observation)])
