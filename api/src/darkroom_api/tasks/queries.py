"""The SQL about tasks as users see them: one function, one statement."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from darkroom_api.database import Connection
from darkroom_api.tasks.filters import Filter


@dataclass(frozen=True)
class TaskRow:
    """A row of tasks, as far as it is shown."""

    id: str
    owner: UUID | None
    namespace: str
    name: str
    uid: str | None
    spec: dict[str, Any] | None
    source_filename: str | None
    source_bytes: int | None
    source_facts: dict[str, Any] | None
    recipe_outputs: list[dict[str, Any]] | None
    status: str
    progress: int
    attempts: int
    tries: list[dict[str, Any]]
    pool: str
    dead_lettered: bool
    origin: str | None
    reason: str | None
    message: str | None
    submit_error: str | None
    outputs_deleted_at: datetime | None
    cleaned_prefixes: list[str]
    job: str | None
    outputs: list[dict[str, Any]]
    error: dict[str, Any] | None
    created_at: datetime
    submitted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    cancel_at: datetime | None
    metadata: dict[str, str]
    batch: str | None
    traceparent: str | None
    version: int

    @property
    def is_final(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.status not in {"queued", "running"}


@dataclass(frozen=True)
class NewTask:
    """What is known of a task before anything happened to it."""

    id: str
    owner: UUID
    namespace: str
    spec: dict[str, Any]
    source_filename: str | None = None
    source_bytes: int | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    cancel_after: int | None = None
    """In seconds."""
    batch: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True)
class Position:
    """A place in a list: after this task."""

    created_at: datetime
    id: str


COLUMNS: Final = sql.SQL(", ".join(column.name for column in fields(TaskRow)))
# An admin sees every task; others only their own.
VISIBLE: Final = sql.SQL("(%(owner)s::uuid IS NULL OR owner = %(owner)s) AND deleted_at IS NULL")

# As one document: lists of so many types take longer to write than the tasks.
_NEW: Final = sql.SQL(
    """
    INSERT INTO tasks (
        id, name, owner, namespace, spec, source_filename, source_bytes, metadata, cancel_at, batch,
        traceparent
    )
    SELECT id, id, owner, namespace, spec, source_filename, source_bytes, metadata,
        now() + make_interval(secs => cancel_after), batch, traceparent
    FROM jsonb_to_recordset(%(tasks)s) AS wanted (
        id text, owner uuid, namespace text, spec jsonb, source_filename text, source_bytes bigint,
        metadata jsonb, cancel_after integer, batch text, traceparent text
    )
    RETURNING {}
    """
)
_INSERT: Final = _NEW.format(COLUMNS).as_bytes()


async def insert_tasks(connection: Connection, tasks: Sequence[NewTask]) -> list[TaskRow]:
    """Add tasks that the submitter will find; return them in their order."""
    cursor = connection.cursor(row_factory=class_row(TaskRow))
    wanted = [{**vars(task), "owner": str(task.owner)} for task in tasks]
    await cursor.execute(_INSERT, {"tasks": Jsonb(wanted)})
    rows = {row.id: row for row in await cursor.fetchall()}
    return [rows[task.id] for task in tasks]


# Composed once: it is what is asked most often.
_BY_ID: Final = (
    sql.SQL("SELECT {} FROM tasks WHERE id = %(id)s AND {}").format(COLUMNS, VISIBLE).as_bytes()
)


async def task_by_id(connection: Connection, task_id: str, *, owner: UUID | None) -> TaskRow | None:
    """Return the task, if `owner` (None: an admin) may see it."""
    cursor = connection.cursor(row_factory=class_row(TaskRow))
    await cursor.execute(_BY_ID, {"id": task_id, "owner": owner})
    return await cursor.fetchone()


_VERSION: Final = sql.SQL("SELECT version FROM tasks WHERE id = %(id)s AND {}").format(VISIBLE)
_VERSION_BY_ID: Final = _VERSION.as_bytes()


async def version_by_id(connection: Connection, task_id: str, *, owner: UUID | None) -> int | None:
    """Return the task's version, if there is one that `owner` (None: an admin) may see."""
    cursor = await connection.execute(_VERSION_BY_ID, {"id": task_id, "owner": owner})
    row = await cursor.fetchone()
    return row[0] if row else None


async def tasks_page(
    connection: Connection, wanted: Filter, *, after: Position | None, limit: int
) -> list[TaskRow]:
    """Return tasks that the filter lets through, newest first."""
    place = sql.SQL("AND (created_at, id) < (%(created_at)s, %(id)s)" if after else "")
    cursor = connection.cursor(row_factory=class_row(TaskRow))
    await cursor.execute(
        sql.SQL(
            "SELECT {} FROM tasks WHERE {} {} ORDER BY created_at DESC, id DESC LIMIT %(limit)s"
        ).format(COLUMNS, wanted.condition, place),
        {
            **wanted.values,
            "created_at": after and after.created_at,
            "id": after and after.id,
            "limit": limit,
        },
    )
    return await cursor.fetchall()


async def set_metadata(
    connection: Connection,
    task_id: str,
    *,
    owner: UUID | None,
    changes: dict[str, str | None],
    most: int,
) -> TaskRow | None:
    """Write these entries, and take away those that are None; None if that were too many."""
    cursor = connection.cursor(row_factory=class_row(TaskRow))
    await cursor.execute(
        sql.SQL(
            """
            UPDATE tasks SET
                metadata = jsonb_strip_nulls(metadata || %(changes)s), updated_at = now()
            WHERE id = %(id)s AND {} AND %(most)s >= (
                SELECT count(*)
                FROM jsonb_object_keys(jsonb_strip_nulls(metadata || %(changes)s))
            )
            RETURNING {}
            """
        ).format(VISIBLE, COLUMNS),
        {"id": task_id, "owner": owner, "changes": Jsonb(changes), "most": most},
    )
    return await cursor.fetchone()


async def count_dead_letters(connection: Connection) -> int:
    """Count the tasks that a replay may help and that were not replayed, by REST or kubectl."""
    cursor = await connection.execute(
        """
        SELECT count(*) FROM tasks
        WHERE dead_lettered
            AND NOT EXISTS (SELECT 1 FROM tasks AS replay WHERE replay.origin = tasks.id)
            AND NOT EXISTS (SELECT 1 FROM tasks AS replay WHERE replay.origin = tasks.name)
        """
    )
    row = await cursor.fetchone()
    return row[0] if row else 0


async def is_final(connection: Connection, *, uid: str) -> bool:
    """Whether a task has this uid and has ended."""
    cursor = await connection.execute(
        "SELECT 1 FROM tasks WHERE uid = %s AND status NOT IN ('queued', 'running')", [uid]
    )
    return await cursor.fetchone() is not None


async def set_progress(connection: Connection, *, uid: str, percent: int) -> None:
    """Note the progress of an unfinished task; it never goes back."""
    await connection.execute(
        """
        UPDATE tasks SET progress = %(percent)s, updated_at = now()
        WHERE uid = %(uid)s AND status IN ('queued', 'running') AND progress < %(percent)s
        """,
        {"uid": uid, "percent": percent},
    )
