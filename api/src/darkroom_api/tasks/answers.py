"""A task as an answer: its JSON, made once, with the headers that go with it."""

from http import HTTPStatus

from fastapi import Request, Response

from darkroom_api.resources import Resources
from darkroom_api.tasks.queries import TaskRow
from darkroom_api.tasks.schemas import TaskView
from darkroom_api.tasks.views import view_of

_JSON = "application/json"
# Whoever keeps a copy asks each time whether it is still the newest.
_CACHE = "private, no-cache"


def etag_of(row: TaskRow) -> str:
    """Return the strong ETag: every change that a client can see raises the version."""
    return f'"{row.version}"'


def is_named(if_none_match: str, row: TaskRow) -> bool:
    """Whether the header If-None-Match names this version (RFC 9110: compared weakly)."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag_of(row) in tags


def shown(request: Request, resources: Resources, row: TaskRow) -> TaskView:
    """Return the task as this request sees it."""
    return view_of(row, str(request.base_url), resources.settings.retention)


def answer(
    request: Request, resources: Resources, row: TaskRow, status: int = HTTPStatus.OK
) -> Response:
    """Return the task; while it is unfinished, Retry-After says when to look again."""
    headers = {"ETag": etag_of(row), "Cache-Control": _CACHE}
    if not row.is_final:
        headers["Retry-After"] = "1"
    body = shown(request, resources, row).model_dump_json()
    return Response(body, status, headers, media_type=_JSON)


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


def unchanged(row: TaskRow) -> Response:
    """Return that the client's copy is still the newest."""
    headers = {"ETag": etag_of(row), "Cache-Control": _CACHE}
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
