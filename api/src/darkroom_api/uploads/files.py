"""Files of users: the same bytes of the same user are under one key.

Whoever uses a file and whoever removes it hold its row meanwhile, so a file is never removed under
a task that is being made of it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from darkroom_api.database import Connection


@dataclass(frozen=True)
class File:
    """Bytes in storage."""

    key: str
    size: int


async def keep(connection: Connection, owner: UUID, sha256: str, *, key: str, size: int) -> File:
    """Return where the user's file of these bytes is: an older one, or now this one."""
    cursor = connection.cursor(row_factory=class_row(File))
    await cursor.execute(
        """
        INSERT INTO files (owner, sha256, key, size)
        VALUES (%(owner)s, %(sha256)s, %(key)s, %(size)s)
        ON CONFLICT (owner, sha256) DO UPDATE SET checked_at = now()
        RETURNING key, size
        """,
        {"owner": owner, "sha256": sha256, "key": key, "size": size},
    )
    row = await cursor.fetchone()
    assert row, "an upsert returns its row"  # noqa: S101  # for the type checker
    return row


async def place(connection: Connection, owner: UUID, sha256: str, *, key: str, size: int) -> File:
    """Return where the user's file of these bytes is, or has to be put.

    A file that is known is not written to: many may send the same at once.
    """
    cursor = connection.cursor(row_factory=class_row(File))
    await cursor.execute(
        """
        WITH known AS (
            SELECT key, size FROM files WHERE owner = %(owner)s AND sha256 = %(sha256)s
        ), made AS (
            INSERT INTO files (owner, sha256, key, size)
            SELECT %(owner)s, %(sha256)s, %(key)s, %(size)s WHERE NOT EXISTS (TABLE known)
            ON CONFLICT (owner, sha256) DO UPDATE SET checked_at = now()
            RETURNING key, size
        )
        TABLE known UNION ALL TABLE made
        """,
        {"owner": owner, "sha256": sha256, "key": key, "size": size},
    )
    row = await cursor.fetchone()
    assert row, "it is known, or made now"  # noqa: S101  # for the type checker
    return row


async def replace_key(connection: Connection, owner: UUID, sha256: str, *, key: str) -> None:
    """Name another place, since nothing is at the one that was known."""
    await connection.execute(
        "UPDATE files SET key = %s WHERE owner = %s AND sha256 = %s", [key, owner, sha256]
    )


async def use(connection: Connection, keys: Collection[str], *, owner: UUID | None) -> set[str]:
    """Return those of the keys that are files of the user, kept until the transaction ends."""
    cursor = await connection.execute(
        """
        SELECT key FROM files
        WHERE key = ANY(%(keys)s) AND (%(owner)s::uuid IS NULL OR owner = %(owner)s)
        ORDER BY key FOR SHARE
        """,
        {"keys": list(keys), "owner": owner},
    )
    return {key for (key,) in await cursor.fetchall()}


async def lock(connection: Connection, keys: Collection[str]) -> None:
    """Let nobody begin to use these until the transaction ends."""
    await connection.execute(
        "SELECT 1 FROM files WHERE key = ANY(%s) ORDER BY key FOR UPDATE", [list(keys)]
    )


async def lock_untouched(connection: Connection, keys: Collection[str]) -> list[str]:
    """Return those that nobody has asked about since they were noted, and lock them."""
    cursor = await connection.execute(
        """
        SELECT key FROM files WHERE key = ANY(%s) AND checked_at = created_at
        ORDER BY key FOR UPDATE
        """,
        [list(keys)],
    )
    return [key for (key,) in await cursor.fetchall()]


async def lock_unused_since(connection: Connection, *, seconds: int, limit: int) -> list[str]:
    """Return files that nobody has asked about for so long; nobody begins to use them now."""
    cursor = await connection.execute(
        """
        SELECT key FROM files WHERE checked_at < now() - make_interval(secs => %s)
        ORDER BY checked_at LIMIT %s FOR UPDATE SKIP LOCKED
        """,
        [seconds, limit],
    )
    return [key for (key,) in await cursor.fetchall()]


async def note_used(connection: Connection, keys: Collection[str]) -> None:
    """Note that tasks need these, so that they are not looked at again soon."""
    await connection.execute(
        "UPDATE files SET checked_at = now() WHERE key = ANY(%s)", [list(keys)]
    )


async def forget(connection: Connection, keys: Collection[str]) -> None:
    """Forget files, whose bytes the caller removes before the transaction ends."""
    await connection.execute("DELETE FROM files WHERE key = ANY(%s)", [list(keys)])
