"""The SQL about events: one function, one statement.

What happened in a transaction is settled when all transactions that began before it are over: only
then nothing can appear any more that comes earlier in the order of (xid, id).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from darkroom_api.database import Connection
from darkroom_api.events.event import Event
from darkroom_api.events.position import Position


@dataclass(frozen=True)
class Audience:
    """Whose events are wanted: of one task, of one owner, or all."""

    owner: UUID | None = None
    task_id: str | None = None


@dataclass(frozen=True)
class _Row:
    xid: str
    id: int
    task_id: str
    owner: UUID | None
    type: str
    data: dict[str, Any]
    created_at: datetime
    is_settled: bool

    def event(self) -> Event:
        position = Position(int(self.xid), self.id)
        return Event(position, self.task_id, self.owner, self.type, self.data, self.created_at)


_SETTLED: Final = sql.SQL("xid < pg_snapshot_xmin(pg_current_snapshot())")
_SELECT: Final = sql.SQL(
    "SELECT xid::text, id, task_id, owner, type, data, created_at, {} AS is_settled"
    " FROM task_events WHERE (xid, id) > (%(xid)s::xid8, %(id)s)"
).format(_SETTLED)
_ORDER: Final = sql.SQL(" ORDER BY task_events.xid, id LIMIT %(limit)s")


async def next_events(
    connection: Connection, after: Position, *, limit: int
) -> tuple[list[Event], bool]:
    """Return the next settled events, and whether there are some that are not settled yet."""
    cursor = connection.cursor(row_factory=class_row(_Row))
    await cursor.execute(_SELECT + _ORDER, {"xid": str(after.xid), "id": after.id, "limit": limit})
    rows = await cursor.fetchall()
    settled = [row.event() for row in rows if row.is_settled]
    return settled, len(settled) < len(rows)


async def past_events(
    connection: Connection, audience: Audience, after: Position, until: Position, *, limit: int
) -> list[Event]:
    """Return what an audience has missed; all up to `until` has to be settled."""
    conditions = [sql.SQL("(xid, id) <= (%(until_xid)s::xid8, %(until_id)s)")]
    # Each condition is there only where it is needed: the planner sees which index fits.
    if audience.task_id is not None:
        conditions.append(sql.SQL("task_id = %(task_id)s"))
    elif audience.owner:
        conditions.append(sql.SQL("owner = %(owner)s"))
    cursor = connection.cursor(row_factory=class_row(_Row))
    await cursor.execute(
        sql.SQL(" AND ").join([_SELECT, *conditions]) + _ORDER,
        {
            "xid": str(after.xid),
            "id": after.id,
            "until_xid": str(until.xid),
            "until_id": until.id,
            "task_id": audience.task_id,
            "owner": audience.owner,
            "limit": limit,
        },
    )
    return [row.event() for row in await cursor.fetchall()]


async def last_settled(connection: Connection) -> Position:
    """Return the place after everything that is settled."""
    cursor = await connection.execute(
        sql.SQL(
            "SELECT xid::text, id FROM task_events WHERE {}"
            " ORDER BY task_events.xid DESC, id DESC LIMIT 1"
        ).format(_SETTLED)
    )
    row = await cursor.fetchone()
    return Position(int(row[0]), row[1]) if row else Position(0, 0)


async def is_known(connection: Connection, position: Position) -> bool:
    """Whether all that came after this position is still there, and this server made it."""
    cursor = await connection.execute(
        """
        SELECT (xid, id) <= (%(xid)s::xid8, %(id)s)
            AND %(xid)s::xid8 < pg_snapshot_xmax(pg_current_snapshot())
        FROM task_events_pruned
        """,
        {"xid": str(position.xid), "id": position.id},
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def has_more(connection: Connection, task_id: str, after: Position) -> bool:
    """Whether anything happened to a task after a position, settled or not."""
    cursor = await connection.execute(
        """
        SELECT EXISTS (
            SELECT FROM task_events
            WHERE task_id = %(task_id)s AND (xid, id) > (%(xid)s::xid8, %(id)s)
        )
        """,
        {"task_id": task_id, "xid": str(after.xid), "id": after.id},
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def version_of(connection: Connection, task_id: str) -> int | None:
    """Return the task's version; None if it is not there."""
    cursor = await connection.execute("SELECT version FROM tasks WHERE id = %s", [task_id])
    row = await cursor.fetchone()
    return row[0] if row else None


async def delete_foreign(connection: Connection) -> None:
    """Remove what another server wrote, from which this database was restored.

    A transaction that this one sees can have no number that is not given yet. Such events would be
    settled one day by chance.
    """
    await connection.execute(
        "DELETE FROM task_events WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())"
    )


async def prune(connection: Connection, *, keep_seconds: float, limit: int) -> int:
    """Remove the oldest events beyond an age, note how far, and return how many there were.

    What no deliveries were made of yet stays, however old it is.
    """
    cursor = await connection.execute(
        """
        WITH place AS (SELECT only_one FROM task_events_pruned FOR UPDATE SKIP LOCKED),
        oldest AS (
            SELECT e.xid, e.id, e.created_at FROM task_events AS e
            ORDER BY e.xid, e.id LIMIT %(limit)s
        ),
        gone AS (
            DELETE FROM task_events AS e USING oldest, place
            WHERE (e.xid, e.id) = (oldest.xid, oldest.id)
                AND oldest.created_at < now() - make_interval(secs => %(seconds)s)
                AND (oldest.xid, oldest.id) <= (SELECT xid, id FROM outbox_position)
            RETURNING e.xid, e.id
        ),
        last AS (
            SELECT xid, id, count(*) OVER () AS number FROM gone
            ORDER BY xid DESC, id DESC LIMIT 1
        )
        UPDATE task_events_pruned AS p SET xid = last.xid, id = last.id FROM last
        RETURNING last.number
        """,
        {"seconds": keep_seconds, "limit": limit},
    )
    row = await cursor.fetchone()
    return row[0] if row else 0
