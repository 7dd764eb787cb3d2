"""Which waiting rows become resources next, and how many: the admission window.

A backlog waits in Postgres, not in etcd. A row takes a place in the window with its first try to
create the resource and gives it back when the task ends. Places go to the highest class first
(waiting raises a task), in a class to the owner who has the fewest, and of an owner's rows to the
oldest. No owner gets the last fifth of the places: whose tasks never start (a pool that is not
there, or rests) must not keep out everybody else. The cost follows the number of owners who wait
(some 10 microseconds for each), not the length of the backlog.
"""

from typing import Final

from psycopg import AsyncClientCursor, sql
from psycopg.rows import class_row

from darkroom_api.database import Connection
from darkroom_api.tasks.submission import RETURNING_CLAIM, Claim

AGEING_SECONDS: Final = 300
"""A task that waits so long rises by one class; the highest is Critical."""

# Replicas count one after another. The first number is any that nothing else locks with a second.
_LOCK: Final = sql.SQL("SELECT pg_advisory_xact_lock(1684107883, hashtext(%(namespace)s));")

# As in the indexes, word for word: the planner compares texts.
_WAITING: Final = sql.SQL("uid IS NULL AND status = 'queued' AND submit_attempts = 0")
_OWNER: Final = sql.SQL("coalesce(owner, '00000000-0000-0000-0000-000000000000')")
_CLASS: Final = sql.SQL(
    "least(2, priority + floor(extract(epoch FROM now() - created_at) / %(ageing)s))"
)

_HELD: Final = sql.SQL(
    """
        SELECT owner FROM (
            SELECT {owner} AS owner FROM tasks
            WHERE namespace = %(namespace)s
                AND uid IS NOT NULL AND status IN ('queued', 'running')
            UNION ALL
            -- Those whose answer is not known yet, and those that are canceled but not gone.
            SELECT {owner} FROM tasks
            WHERE namespace = %(namespace)s AND (
                (cancel_requested_at IS NOT NULL AND withdrawn_at IS NULL)
                OR (uid IS NULL AND status = 'queued' AND submit_attempts > 0)
            ) AND (uid IS NULL OR status NOT IN ('queued', 'running'))
        ) AS places
        LIMIT %(window)s
    """
).format(owner=_OWNER)

_MOST_WAITING: Final = 100_000
_MEASURE: Final = sql.SQL(
    """
    SELECT
        (SELECT count(*) FROM (
            SELECT 1 FROM tasks WHERE {waiting} AND namespace = %(namespace)s LIMIT %(most)s
        ) AS waiting),
        (SELECT count(*) FROM ({held}) AS held)
    """
).format(waiting=_WAITING, held=_HELD)

ADMIT: Final = sql.SQL(
    """
    WITH RECURSIVE held AS MATERIALIZED (
        {held}
    ), room AS (
        SELECT least(%(limit)s, %(window)s - count(*)) AS places,
            %(window)s - %(window)s / 5 AS share
        FROM held
    ), holders AS (
        SELECT owner, count(*) AS places FROM held GROUP BY owner
    ), heads AS (
        -- The oldest row of each owner and priority: one step through the index for each.
        (
            SELECT {owner} AS owner, priority, created_at FROM tasks
            WHERE {waiting} AND namespace = %(namespace)s AND submit_after <= now()
            ORDER BY {owner}, priority, created_at, id
            LIMIT 1
        )
        UNION ALL
        SELECT next.* FROM heads CROSS JOIN LATERAL (
            SELECT {owner} AS owner, priority, created_at FROM tasks
            WHERE {waiting} AND namespace = %(namespace)s AND submit_after <= now()
                AND ({owner}, priority) > (heads.owner, heads.priority)
            ORDER BY {owner}, priority, created_at, id
            LIMIT 1
        ) AS next
    ), lines AS (
        -- An owner has three lines at most: behind so many others nobody gets in now.
        SELECT heads.owner, heads.priority, coalesce(holders.places, 0) AS held
        FROM heads LEFT JOIN holders ON holders.owner = heads.owner
        WHERE coalesce(holders.places, 0) < (SELECT share FROM room)
        ORDER BY {class} DESC, held, created_at
        LIMIT (SELECT 3 * places FROM room)
    ), candidates AS (
        SELECT candidate.*, held + row_number() OVER (
            PARTITION BY lines.owner ORDER BY class DESC, created_at, id
        ) AS turn
        FROM lines CROSS JOIN LATERAL (
            SELECT id, created_at, {class} AS class FROM tasks
            WHERE {waiting} AND namespace = %(namespace)s AND submit_after <= now()
                AND {owner} = lines.owner AND priority = lines.priority
            ORDER BY created_at, id
            LIMIT (SELECT places FROM room)
        ) AS candidate
    ), chosen AS (
        SELECT id FROM candidates
        WHERE turn <= (SELECT share FROM room)
        ORDER BY class DESC, turn, created_at, id
        LIMIT (SELECT places FROM room)
    )
    UPDATE tasks SET
        submit_after = now() + make_interval(secs => %(lease)s),
        submit_attempts = submit_attempts + 1
    -- It may have been canceled meanwhile, or made by hand under its name. Said so that no index
    -- fits but the primary key.
    WHERE id = ANY(ARRAY(SELECT id FROM chosen)) AND num_nulls(cancel_requested_at, uid) = 2
    {returning}
    """
).format(
    held=_HELD,
    owner=_OWNER,
    waiting=_WAITING,
    **{"class": _CLASS},
    returning=RETURNING_CLAIM,
)


async def is_anything_waiting(connection: Connection, *, namespace: str) -> bool:
    """Whether a row waits for a place."""
    cursor = await connection.execute(
        sql.SQL("SELECT 1 FROM tasks WHERE {} AND namespace = %s LIMIT 1").format(_WAITING),
        [namespace],
    )
    return await cursor.fetchone() is not None


async def admit(
    connection: Connection, *, namespace: str, window: int, limit: int, lease_seconds: float
) -> list[Claim]:
    """Take the rows whose turn it is, as far as there are free places, with a lease on each."""
    # Both statements in one message: no lock waits for this process, and the second one sees what
    # the replica before took.
    cursor = AsyncClientCursor(connection, row_factory=class_row(Claim))
    await cursor.execute(
        _LOCK + ADMIT,
        {
            "namespace": namespace,
            "window": window,
            "limit": limit,
            "lease": lease_seconds,
            "ageing": AGEING_SECONDS,
        },
    )
    cursor.nextset()
    return await cursor.fetchall()


async def measure(connection: Connection, *, namespace: str, window: int) -> tuple[int, int]:
    """Return how many rows wait for a place, 100,000 at most, and how many places are taken."""
    cursor = await connection.execute(
        _MEASURE, {"namespace": namespace, "window": window, "most": _MOST_WAITING}
    )
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else (0, 0)
