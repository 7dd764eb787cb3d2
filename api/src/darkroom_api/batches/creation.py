"""Makes a batch: it and all of its tasks, or nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import uuid_utils
from fastapi import Response

from darkroom_api.auth.identity import Identity
from darkroom_api.batches import queries
from darkroom_api.database import Connection
from darkroom_api.idempotency import Once
from darkroom_api.resources import Resources
from darkroom_api.tasks.creation import Also, create_tasks
from darkroom_api.tasks.queries import TaskRow
from darkroom_api.tasks.wanted import Wanted


async def create_batch(  # noqa: PLR0913  # what is done with it at once
    resources: Resources,
    identity: Identity,
    wanted: Sequence[Wanted],
    *,
    metadata: Mapping[str, str],
    answer: Callable[[queries.BatchRow], Response],
    also: Also | None = None,
    once: Once | None = None,
) -> Response:
    """Make the batch; return what `answer` makes of it, which `once` keeps too."""
    batch_id = f"batch-{uuid_utils.uuid7().hex}"
    made: list[Response] = []

    async def beside(connection: Connection, rows: list[TaskRow]) -> None:
        await queries.insert_batch(
            connection, batch_id, owner=identity.user_id, metadata=dict(metadata)
        )
        if also:
            await also(connection, rows)
        batch = await queries.batch_by_id(connection, batch_id, owner=identity.user_id)
        assert batch  # noqa: S101  # it was inserted
        made.append(answer(batch))
        if once:
            await once.settle(connection, made[0])

    await create_tasks(
        resources, identity, [replace(task, batch=batch_id) for task in wanted], also=beside
    )
    return made[0]
