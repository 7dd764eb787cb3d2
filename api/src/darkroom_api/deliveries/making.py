"""Makes deliveries from events: a batch in one transaction, with the place it was read from."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import uuid_utils

from darkroom_api.database import Connection, Pool
from darkroom_api.deliveries import events
from darkroom_api.deliveries.events import Place, TaskEvent
from darkroom_api.deliveries.plan import Audience, deliveries_of
from darkroom_api.tasks.queries import TaskRow

ViewOf = Callable[[TaskRow], dict[str, Any]]
"""How REST shows a task."""

MOST_EVENTS: Final = 500
"""Of one batch."""


async def make_deliveries(pool: Pool, view_of: ViewOf) -> int:
    """Make what follows from the next events; return how many events there were."""
    async with pool.connection() as connection, connection.transaction():
        place = await events.lock_place(connection)
        if place is None:
            return 0
        found = await events.events_after(connection, place, limit=MOST_EVENTS)
        if not found:
            return 0
        audience = await _audience(connection, found)
        told = {endpoint.owner for endpoint in audience.endpoints}
        told |= {reader.owner for reader in audience.readers}
        of_urls = {url.task_id for url in audience.urls}
        wanted = {
            event.task_id for event in found if event.owner in told or event.task_id in of_urls
        }
        rows = await events.tasks_of(connection, wanted) if wanted else []
        views = {row.id: view_of(row) for row in rows}
        await events.insert_deliveries(connection, deliveries_of(found, audience, views, new_id))
        await events.move_place(connection, Place(found[-1].xid, found[-1].id))
    return len(found)


async def _audience(connection: Connection, found: Sequence[TaskEvent]) -> Audience:
    owners = {event.owner for event in found if event.owner}
    return Audience(
        await events.endpoints_of(connection, owners),
        await events.urls_of(connection, {event.task_id for event in found}),
        await events.readers_among(connection, owners),
    )


def new_id(kind: str) -> str:
    """Return an id that nobody had."""
    return f"{kind}-{uuid_utils.uuid7().hex}"
