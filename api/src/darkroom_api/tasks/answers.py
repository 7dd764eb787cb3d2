"""A task as an answer: its JSON, made once, with the headers that go with it."""

from http import HTTPStatus
from typing import Final

from fastapi import Request, Response

from darkroom_api.auth.identity import Identity
from darkroom_api.resources import Resources
from darkroom_api.tasks.access import visible_task
from darkroom_api.tasks.kept_answers import Kept, Place
from darkroom_api.tasks.queries import TaskRow
from darkroom_api.tasks.schemas import TaskView
from darkroom_api.tasks.views import view_of

_JSON: Final = "application/json"
# Whoever keeps a copy asks each time whether it is still the newest.
_CACHE: Final = "private, no-cache"


def is_named(if_none_match: str, version: int) -> bool:
    """Whether the header If-None-Match names this version (RFC 9110: compared weakly)."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or _etag(version) in tags


def shown(request: Request, resources: Resources, row: TaskRow) -> TaskView:
    """Return the task as this request sees it."""
    return view_of(row, str(request.base_url), resources.settings.retention)


def answer(
    request: Request, resources: Resources, row: TaskRow, status: int = HTTPStatus.OK
) -> Response:
    """Return the task; while it is unfinished, Retry-After says when to look again."""
    told = _told(request, resources, row)
    return Response(told.body, status, told.headers, media_type=_JSON)


async def newest_answer(
    request: Request, resources: Resources, identity: Identity, task_id: str, version: int
) -> Response:
    """Return the task, which had this version just now: as it was told before, or told anew."""
    place = Place(task_id, request.scope["scheme"], request.headers.get("host", ""))
    kept = resources.answers.get(place, version)
    if kept is None:
        kept = _told(request, resources, await visible_task(resources.pool, identity, task_id))
        resources.answers.keep(place, kept)
    return Response(kept.body, headers=kept.headers, media_type=_JSON)


def created(
    request: Request,
    resources: Resources,
    row: TaskRow,
    status: int = HTTPStatus.ACCEPTED,
) -> Response:
    """Return a task that this request made."""
    response = answer(request, resources, row, status)
    response.headers["Location"] = f"{str(request.base_url).rstrip('/')}/v1/tasks/{row.id}"
    return response


def unchanged(version: int) -> Response:
    """Return that the client's copy is still the newest."""
    headers = {"ETag": _etag(version), "Cache-Control": _CACHE}
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)


def _etag(version: int) -> str:
    """Return the strong ETag: every change that a client can see raises the version."""
    return f'"{version}"'


def _told(request: Request, resources: Resources, row: TaskRow) -> Kept:
    headers = {"ETag": _etag(row.version), "Cache-Control": _CACHE}
    if not row.is_final:
        headers["Retry-After"] = "1"
    body = shown(request, resources, row).model_dump_json().encode()
    return Kept(row.version, body, headers)
