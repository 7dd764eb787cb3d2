"""The SQL about limits and quotas: one function, one statement."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from darkroom_api.database import Connection


@dataclass(frozen=True)
class Counted:
    """What a user has used, with what was just added, and what they may."""

    tasks: int
    bytes: int
    is_fresh: bool
    """Whether `bytes` was measured within the last minute."""
    quota: dict[str, Any]


async def count(connection: Connection, owner: UUID, *, tasks: int, bytes_: int) -> Counted:
    """Add to what was used today. The row stays locked until the transaction ends."""
    cursor = connection.cursor(row_factory=class_row(Counted))
    await cursor.execute(
        """
        INSERT INTO quota_usage AS known (owner, day, tasks, bytes)
        VALUES (%(owner)s, (now() AT TIME ZONE 'UTC')::date, %(tasks)s, %(bytes)s)
        ON CONFLICT (owner) DO UPDATE SET
            day = greatest(known.day, excluded.day),
            tasks = excluded.tasks
                + CASE WHEN known.day >= excluded.day THEN known.tasks ELSE 0 END,
            bytes = known.bytes + excluded.bytes
        RETURNING tasks, bytes, measured_at > now() - interval '1 minute' AS is_fresh,
            (SELECT quota FROM users WHERE id = %(owner)s) AS quota
        """,
        {"owner": owner, "tasks": tasks, "bytes": bytes_},
    )
    found = await cursor.fetchone()
    assert found, "an upsert returns its row"  # noqa: S101  # for the type checker
    return found


async def unfinished(connection: Connection, owner: UUID) -> int:
    """Count the user's tasks that have not ended."""
    cursor = await connection.execute(
        "SELECT count(*) FROM tasks WHERE owner = %s AND status IN ('queued', 'running')", [owner]
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def measure(connection: Connection, owner: UUID) -> int:
    """Add up the bytes of the user's files and outputs in storage, and of uploads to come."""
    cursor = await connection.execute(
        """
        SELECT (
            SELECT coalesce(sum(size), 0) FROM files WHERE owner = %(owner)s
        ) + (
            SELECT coalesce(sum(size), 0) FROM uploads
            WHERE owner = %(owner)s AND status = 'waiting' AND expires_at > now()
        ) + (
            SELECT coalesce(sum((output ->> 'bytes')::bigint), 0)
            FROM tasks CROSS JOIN LATERAL jsonb_array_elements(outputs) AS output
            WHERE owner = %(owner)s AND outputs_deleted_at IS NULL
        )
        """,
        {"owner": owner},
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def keep_measured(connection: Connection, owner: UUID, stored: int) -> None:
    """Remember for a minute what was measured."""
    await connection.execute(
        "UPDATE quota_usage SET bytes = %s, measured_at = now() WHERE owner = %s", [stored, owner]
    )


@dataclass(frozen=True)
class Used:
    """What a user has used, and their own quota."""

    tasks: int
    unfinished: int
    bytes: int
    is_fresh: bool
    quota: dict[str, Any]


async def used(connection: Connection, owner: UUID) -> Used | None:
    """Look at a user's quota; None: there is no such user."""
    cursor = connection.cursor(row_factory=class_row(Used))
    await cursor.execute(
        """
        SELECT
            CASE WHEN day = (now() AT TIME ZONE 'UTC')::date THEN tasks ELSE 0 END AS tasks,
            coalesce(bytes, 0) AS bytes,
            coalesce(measured_at > now() - interval '1 minute', false) AS is_fresh,
            (
                SELECT count(*) FROM tasks
                WHERE owner = users.id AND status IN ('queued', 'running')
            ) AS unfinished,
            quota
        FROM users LEFT JOIN quota_usage ON quota_usage.owner = users.id
        WHERE users.id = %s
        """,
        [owner],
    )
    return await cursor.fetchone()


async def quota_of(connection: Connection, user_id: UUID) -> dict[str, Any]:
    """Return what one user has instead of the settings."""
    cursor = await connection.execute("SELECT quota FROM users WHERE id = %s", [user_id])
    row = await cursor.fetchone()
    return row[0] if row else {}


async def take(
    connection: Connection, key: str, *, burst: int, per_second: float, wanted: int
) -> tuple[int, float]:
    """Take so many tokens of a bucket at most: how many there were, and what is left.

    The clock is read under the row's lock, so whoever waited for it counts what others took.
    """
    cursor = await connection.execute(
        """
        INSERT INTO rate_buckets AS bucket (key, tokens, granted, at)
        VALUES (%(key)s, %(burst)s - %(wanted)s, %(wanted)s, clock_timestamp())
        ON CONFLICT (key) DO UPDATE SET (tokens, granted, at) = (
            SELECT full_to - least(%(wanted)s, floor(full_to)),
                least(%(wanted)s, floor(full_to))::integer, clock.now
            FROM (SELECT clock_timestamp() AS now) AS clock
            CROSS JOIN LATERAL (
                SELECT least(
                    %(burst)s, bucket.tokens
                        + greatest(0, extract(epoch FROM clock.now - bucket.at))
                        * %(per_second)s::double precision
                ) AS full_to
            ) AS refilled
        )
        RETURNING granted, tokens
        """,
        {
            "key": key,
            "burst": float(burst),
            "per_second": per_second,
            "wanted": wanted,
        },
    )
    row = await cursor.fetchone()
    assert row, "an upsert returns its row"  # noqa: S101  # for the type checker
    return int(row[0]), float(row[1])


async def forget_full_buckets(connection: Connection) -> int:
    """Delete buckets that nobody has used for a day: a new one is full too."""
    cursor = await connection.execute(
        "DELETE FROM rate_buckets WHERE at < now() - interval '1 day'"
    )
    return cursor.rowcount
