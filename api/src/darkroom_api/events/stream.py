"""A stream of one client, whatever it is sent by: from its opening to its farewell."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from darkroom_api.auth.identity import Identity
from darkroom_api.errors import UnavailableError
from darkroom_api.events import queries
from darkroom_api.events.credentials import Credentials
from darkroom_api.events.event import Event
from darkroom_api.events.message import Ending, Message, Sendable, farewell, opening
from darkroom_api.events.position import Position
from darkroom_api.events.subscription import End, Subscription, SubscriptionEndedError
from darkroom_api.resources import Resources
from darkroom_api.tasks.access import scope_of, stored_id, visible_task
from darkroom_api.tasks.queries import TaskRow

_ENDINGS: Final = {End.CLOSING: Ending.CLOSING, End.LAGGING: Ending.LAGGING}


@dataclass
class Stream:
    """What one client is sent."""

    subscription: Subscription
    task_id: str | None
    begins: list[Message]
    is_over: bool
    """Whether the client has seen the task's end, and nothing can follow."""
    version: int = 0
    """Of the task, as the client knows it: an event of an older one says nothing new."""

    async def batches(
        self, credentials: Credentials, ping_seconds: float
    ) -> AsyncGenerator[Sequence[Sendable]]:
        """Go through what is to be sent together; nothing at all is a sign of life."""
        if self.begins:
            yield self.begins
        ending = Ending.DONE if self.is_over else None
        pinged_at = time.monotonic()
        while ending is None:
            due_at = min(pinged_at + ping_seconds, credentials.due_at)
            try:
                events = await self.subscription.next(max(0.0, due_at - time.monotonic()))
            except SubscriptionEndedError as ended:
                ending = _ENDINGS[ended.end]
                break
            now = time.monotonic()
            if now >= credentials.due_at and not await credentials.are_good():
                ending = Ending.UNAUTHORIZED
                break
            new = [event for event in events if self._is_new(event)]
            if new or now >= pinged_at + ping_seconds:
                pinged_at = now
                yield new
            if self.task_id is not None and any(event.is_end for event in events):
                ending = Ending.DONE
        yield [farewell(ending, self.subscription.position, self.task_id)]

    def _is_new(self, event: Event) -> bool:
        return self.task_id is None or event.data.get("version", 0) > self.version


@asynccontextmanager
async def open_stream(
    resources: Resources, identity: Identity, task_id: str | None, last: str | None
) -> AsyncIterator[Stream]:
    """Open the stream of a task, or of all that may be seen, after the id `last`."""
    if resources.hub.streams >= resources.settings.events.max_streams:
        raise UnavailableError("this replica has as many open streams as it takes")
    stored = None if task_id is None else stored_id(task_id)
    after = Position.read(last) if last else None
    async with resources.hub.subscribe(scope_of(identity), stored, after=after) as subscription:
        # What is seen from here on may be told by an event, too, and nothing else is.
        row = stored and await visible_task(resources.pool, identity, stored)
        is_reset = subscription.is_reset or (bool(last) and after is None)
        yield await _begun(
            resources,
            subscription,
            row or None,
            is_reset=is_reset,
            is_resumed=after is not None,
        )


async def _begun(
    resources: Resources,
    subscription: Subscription,
    row: TaskRow | None,
    *,
    is_reset: bool,
    is_resumed: bool,
) -> Stream:
    position = subscription.position
    task_id = row.id if row else None
    if is_resumed and not is_reset:
        is_over = bool(row and row.is_final) and not await _has_more(resources, row, position)
        return Stream(subscription, task_id, [], is_over)
    begins = opening(position, row, is_reset=is_reset)
    if row is None:
        return Stream(subscription, None, begins, is_over=False)
    return Stream(subscription, row.id, begins, row.is_final, row.version)


async def _has_more(resources: Resources, row: TaskRow | None, position: Position) -> bool:
    if row is None:
        return False
    async with resources.pool.connection() as connection:
        return await queries.has_more(connection, row.id, position)
