"""Which files in storage a request may name: those of tasks that whoever asks may see.

A key that is somebody else's, and one under which there is nothing, are refused alike.
"""

from collections.abc import Collection, Iterator
from typing import Any
from uuid import UUID

from psycopg import sql

from darkroom_api.database import Connection
from darkroom_api.errors import InvalidError
from darkroom_api.problem import InvalidField
from darkroom_api.tasks.queries import VISIBLE
from darkroom_api.uploads import files

_SENTENCE = (
    "there is no such file of yours: name the source.key, or the key of an output, of a task that "
    "you made"
)


async def refuse_foreign_keys(
    connection: Connection,
    spec: dict[str, Any],
    *,
    owner: UUID | None,
    own: Collection[str] = (),
    pointer: str = "#",
) -> None:
    """Raise InvalidError where the spec names files of others; `own` are the uploads beside it."""
    named = [(place, key) for place, key in _keys(spec, pointer) if key not in own]
    if not named:
        return
    allowed = await _visible_places(connection, [_place(key) for _, key in named], owner=owner)
    files_ = await files.use(connection, [key for _, key in named], owner=owner)
    refused = [
        InvalidField(pointer=pointer, detail=_SENTENCE)
        for pointer, key in named
        if _place(key) not in allowed and key not in files_
    ]
    if refused:
        raise InvalidError(f"{refused[0].pointer}: {_SENTENCE}", errors=refused)


def _place(key: str) -> tuple[str, str]:
    """Return whether a key is an upload or an output, and of which task; else nothing of any."""
    match key.split("/"):
        case ["uploads", task_id, *_]:
            return "uploads", task_id
        case ["outputs", uid, _]:
            return "outputs", uid
        case _:
            return "", ""


async def _visible_places(
    connection: Connection, places: list[tuple[str, str]], *, owner: UUID | None
) -> set[tuple[str, str]]:
    cursor = await connection.execute(
        sql.SQL(
            "SELECT id, uid FROM tasks WHERE (id = ANY(%(ids)s) OR uid = ANY(%(uids)s)) AND {}"
        ).format(VISIBLE),
        {
            "ids": [name for kind, name in places if kind == "uploads"],
            "uids": [name for kind, name in places if kind == "outputs"],
            "owner": owner,
        },
    )
    rows = await cursor.fetchall()
    return {("uploads", row[0]) for row in rows} | {("outputs", row[1]) for row in rows if row[1]}


def _keys(value: object, pointer: str = "#") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if isinstance(value.get("key"), str):
            yield f"{pointer}/key", value["key"]
        for name, inner in value.items():
            yield from _keys(inner, f"{pointer}/{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _keys(inner, f"{pointer}/{number}")
