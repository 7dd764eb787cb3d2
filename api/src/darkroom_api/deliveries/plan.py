"""Who is told what: from events to deliveries, without a database."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from darkroom_api.deliveries.events import Endpoint, NewDelivery, Reader, TaskEvent, TaskUrl
from darkroom_api.mail.outbox import LANE, Template
from darkroom_api.webhooks.events import EventType, is_wanted
from darkroom_api.webhooks.payload import body_of

_FAILURES: Final = (EventType.FAILED, EventType.EXPIRED)


@dataclass(frozen=True)
class Audience:
    """Everybody who may be told about some events."""

    endpoints: Sequence[Endpoint]
    urls: Sequence[TaskUrl]
    readers: Sequence[Reader]


def deliveries_of(
    events: Sequence[TaskEvent],
    audience: Audience,
    views: Mapping[str, dict[str, Any]],
    new_id: Callable[[str], str],
) -> list[NewDelivery]:
    """Return what follows from the events, in their order; `views` are their tasks by id."""
    by_owner: dict[object, list[Endpoint]] = {}
    for endpoint in audience.endpoints:
        by_owner.setdefault(endpoint.owner, []).append(endpoint)
    by_task = {url.task_id: url for url in audience.urls}
    by_reader = {reader.owner: reader for reader in audience.readers}
    found: list[NewDelivery] = []
    for event in _without_older_progress(events):
        view = views.get(event.task_id)
        if view is None:
            continue
        body = body_of(event.type, event.created_at, view)
        found += [
            _to_endpoint(new_id("msg"), endpoint, event, body)
            for endpoint in by_owner.get(event.owner, ())
            if is_wanted(event.type, endpoint.types)
        ]
        url = by_task.get(event.task_id)
        if url and is_wanted(event.type, url.types):
            found.append(_to_url(new_id("msg"), url, event, body))
        reader = by_reader.get(event.owner) if event.owner else None
        if reader and _is_to_read(event, reader):
            found.append(_to_reader(new_id("mail"), reader, event, view))
    return found


def lane_of(owner: object, url: str) -> str:
    """Return the lane of a task's own URL: that of its server, apart from other people's."""
    parts = urlsplit(url)
    return f"{owner} {parts.scheme}://{parts.netloc}"


def _without_older_progress(events: Sequence[TaskEvent]) -> list[TaskEvent]:
    newest = {event.task_id: event for event in events if event.type == EventType.PROGRESS}
    return [
        event
        for event in events
        if event.type != EventType.PROGRESS or newest[event.task_id] is event
    ]


def _to_endpoint(message: str, endpoint: Endpoint, event: TaskEvent, body: str) -> NewDelivery:
    return NewDelivery(
        id=message,
        kind="webhook",
        lane=endpoint.id,
        channel=f"{endpoint.id} {event.task_id}",
        owner=endpoint.owner,
        endpoint=endpoint.id,
        task_id=event.task_id,
        type=event.type,
        body=body,
    )


def _to_url(message: str, url: TaskUrl, event: TaskEvent, body: str) -> NewDelivery:
    return NewDelivery(
        id=message,
        kind="webhook",
        lane=lane_of(url.owner, url.url),
        channel=f"url {event.task_id}",
        owner=url.owner,
        url=url.url,
        task_id=event.task_id,
        type=event.type,
        body=body,
    )


def _to_reader(message: str, reader: Reader, event: TaskEvent, view: dict[str, Any]) -> NewDelivery:
    return NewDelivery(
        id=message,
        kind="mail",
        lane=LANE,
        channel=message,
        owner=reader.owner,
        recipient=reader.email,
        task_id=event.task_id,
        type=Template.TASK_FINISHED,
        body=json.dumps({"task": view}),
    )


def _is_to_read(event: TaskEvent, reader: Reader) -> bool:
    return (reader.on_success and event.type == EventType.SUCCEEDED) or (
        reader.on_failure and event.type in _FAILURES
    )
