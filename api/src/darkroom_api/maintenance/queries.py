"""The SQL of the retention sweep."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from darkroom_api.database import Connection


@dataclass(frozen=True)
class Ended:
    """A task whose time is over, locked until the transaction ends."""

    id: str
    uid: str | None
    spec: dict[str, Any]
    recipe_outputs: list[dict[str, Any]] | None


async def lock_rows_to_delete(connection: Connection, *, age: int, limit: int) -> list[Ended]:
    """Return tasks whose history is over.

    A row outlives the task's resource, for the operator would write another about what it still
    sees: the time to live counts too, and a canceled task's resource must be known to be gone.
    """
    cursor = connection.cursor(row_factory=class_row(Ended))
    await cursor.execute(
        """
        SELECT id, uid, coalesce(spec, '{}') AS spec, recipe_outputs FROM tasks
        WHERE finished_at IS NOT NULL AND finished_at <= now() - make_interval(secs => %(age)s)
            AND (cancel_requested_at IS NULL OR withdrawn_at IS NOT NULL)
            AND finished_at <= now() - make_interval(
                secs => coalesce((spec ->> 'ttlSecondsAfterFinished')::integer, 600)
            )
        ORDER BY finished_at
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
        """,
        {"age": age, "limit": limit},
    )
    return await cursor.fetchall()


async def lock_outputs_to_delete(connection: Connection, *, age: int, limit: int) -> list[Ended]:
    """Return tasks whose outputs are still there and have been for long enough."""
    cursor = connection.cursor(row_factory=class_row(Ended))
    await cursor.execute(
        """
        SELECT id, uid, coalesce(spec, '{}') AS spec, recipe_outputs FROM tasks
        WHERE finished_at IS NOT NULL AND outputs_deleted_at IS NULL
            AND finished_at <= now() - make_interval(secs => %(age)s)
        ORDER BY finished_at
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
        """,
        {"age": age, "limit": limit},
    )
    return await cursor.fetchall()


async def lock_files_to_clean(  # noqa: PLR0913  # whose, and which
    connection: Connection,
    *,
    owner: UUID | None,
    namespace: str | None,
    age: int,
    prefix: str,
    limit: int,
) -> list[Ended]:
    """Return an owner's tasks, or a namespace's, of which files under the prefix may be left."""
    cursor = connection.cursor(row_factory=class_row(Ended))
    await cursor.execute(
        """
        SELECT id, uid, coalesce(spec, '{}') AS spec, recipe_outputs FROM tasks
        WHERE finished_at IS NOT NULL AND outputs_deleted_at IS NULL
            AND finished_at <= now() - make_interval(secs => %(age)s)
            AND (owner = %(owner)s OR namespace = %(namespace)s)
            AND %(prefix)s <> ALL(cleaned_prefixes)
        ORDER BY finished_at
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
        """,
        {"age": age, "owner": owner, "namespace": namespace, "prefix": prefix, "limit": limit},
    )
    return await cursor.fetchall()


async def keys_needed(connection: Connection, keys: list[str], *, without: list[str]) -> set[str]:
    """Return those of the keys that tasks beside `without` have, or may be replayed from."""
    cursor = await connection.execute(
        """
        SELECT spec -> 'source' ->> 'key' FROM tasks
        WHERE outputs_deleted_at IS NULL AND spec -> 'source' ->> 'key' = ANY(%(keys)s)
            AND id <> ALL(%(without)s)
        UNION
        SELECT key #>> '{}' FROM tasks, jsonb_path_query(spec, '$.**.key') AS key
        WHERE outputs_deleted_at IS NULL
            AND (
                spec ? 'sources' OR jsonb_path_exists(spec, '$.outputs[*].operations[*].overlay')
            )
            AND jsonb_path_query_array(spec, '$.**.key') ?| %(keys)s
            AND id <> ALL(%(without)s)
        """,
        {"keys": keys, "without": without},
    )
    return {key for (key,) in await cursor.fetchall()} & set(keys)


async def delete_rows(connection: Connection, ids: list[str]) -> None:
    """Forget these tasks."""
    await connection.execute("DELETE FROM tasks WHERE id = ANY(%s)", [ids])


async def note_outputs_deleted(connection: Connection, ids: list[str]) -> None:
    """Note that nothing of these tasks is in storage any more."""
    await connection.execute(
        "UPDATE tasks SET outputs_deleted_at = now(), updated_at = now() WHERE id = ANY(%s)", [ids]
    )


async def note_cleaned(connection: Connection, ids: list[str], *, prefix: str) -> None:
    """Note that nothing of these tasks is in storage any more under the prefix."""
    await connection.execute(
        """
        UPDATE tasks SET cleaned_prefixes = array_append(cleaned_prefixes, %s), updated_at = now()
        WHERE id = ANY(%s)
        """,
        [prefix, ids],
    )
