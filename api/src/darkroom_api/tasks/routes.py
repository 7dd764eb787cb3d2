"""Tasks: list them, look at them, write on them, cancel them."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from darkroom_core.conditions import State
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from darkroom_api import errors, responses
from darkroom_api.auth.identity import Identity
from darkroom_api.deps import Res, TaskReader, TaskWriter
from darkroom_api.problem import InvalidField
from darkroom_api.resources import Resources
from darkroom_api.tasks import cursor, queries, waiting
from darkroom_api.tasks.access import scope_of, stored_id, visible_task, visible_version
from darkroom_api.tasks.answers import answer, is_named, newest_answer, shown, unchanged
from darkroom_api.tasks.cancellation import cancel_one
from darkroom_api.tasks.filter_fields import TaskFilter, from_query, of_list
from darkroom_api.tasks.metadata import MOST_ENTRIES, Changes
from darkroom_api.tasks.queries import TaskRow
from darkroom_api.tasks.schemas import TaskPage, TaskView

router = APIRouter(prefix="/v1/tasks", tags=["tasks"])


@router.get(
    "",
    operation_id="listTasks",
    response_model=TaskPage,
    responses=responses.of(
        errors.UnauthorizedError,
        errors.ForbiddenError,
        errors.InvalidError,
        errors.UnavailableError,
    ),
)
async def list_tasks(  # noqa: PLR0913, PLR0917  # the query's parameters
    request: Request,
    identity: TaskReader,
    resources: Res,
    wanted: Annotated[TaskFilter, Depends(from_query)],
    limit: Annotated[int, Query(ge=1, le=100, description="Most tasks on a page.")] = 20,
    cursor_: Annotated[
        str | None,
        Query(
            alias="cursor",
            max_length=256,
            description="next_cursor of a page, with the same filters.",
        ),
    ] = None,
) -> Response:
    """List tasks, newest first: one's own, or as an operator or admin all."""
    filter_ = of_list(wanted, identity)
    after = cursor.decoded(cursor_, digest=filter_.digest) if cursor_ else None
    async with resources.pool.connection() as connection:
        rows = await queries.tasks_page(connection, filter_, after=after, limit=limit + 1)
    page, has_more = rows[:limit], len(rows) > limit
    following, headers = None, {}
    if has_more:
        last = queries.Position(page[-1].created_at, page[-1].id)
        following = cursor.encoded(last, digest=filter_.digest)
        link = request.url.include_query_params(cursor=following)
        headers["Link"] = f'<{link}>; rel="next"'
    view = TaskPage(
        data=[shown(request, resources, row) for row in page],
        has_more=has_more,
        next_cursor=following,
    )
    return Response(view.model_dump_json(), headers=headers, media_type="application/json")


# Read by hand, for FastAPI takes as long for two headers as Postgres for the version, and this is
# what is asked most.
_HEADERS: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "If-None-Match",
            "in": "header",
            "schema": {"type": "string", "examples": ['"7"']},
            "description": "The ETag that you have: 304 while it is the newest.",
        },
        {
            "name": "Prefer",
            "in": "header",
            "schema": {"type": "string", "examples": ["wait=30"]},
            "description": waiting.PREFER,
        },
    ]
}


@router.get(
    "/{task_id}",
    operation_id="getTask",
    response_model=TaskView,
    openapi_extra=_HEADERS,
    responses={
        304: {"description": "It is as it was: If-None-Match names the newest version."},
        **responses.of(
            errors.UnauthorizedError,
            errors.ForbiddenError,
            errors.NotFoundError,
            errors.UnavailableError,
        ),
    },
)
async def get_task(task_id: str, request: Request, identity: TaskReader) -> Response:
    """Look at a task. While it is unfinished, Retry-After says when to look again.

    With `Prefer: wait=n` it is answered once the task has ended, or, with If-None-Match too, once
    it is another than you know.
    """
    resources: Resources = request.state.resources
    if_none_match = request.headers.get("if-none-match")
    if seconds := waiting.seconds_preferred(request.headers.getlist("prefer")):
        row = await _awaited(resources, identity, task_id, if_none_match, seconds)
        version = row.version
    else:
        version = await visible_version(resources.pool, identity, task_id)
    if if_none_match is not None and is_named(if_none_match, version):
        response = unchanged(version)
    else:
        response = await newest_answer(request, resources, identity, task_id, version)
    response.headers.update(waiting.applied(seconds))
    return response


async def _awaited(
    resources: Resources, identity: Identity, task_id: str, known: str | None, seconds: int
) -> TaskRow:
    """Return the task once it has ended, or is another than the known one, or after the time."""
    row = await visible_task(resources.pool, identity, task_id)
    if known is None:
        return await waiting.until_final(resources, identity, row, seconds)
    if is_named(known, row.version):
        return await waiting.until_changed(resources, identity, row, seconds)
    return row


class TaskChange(BaseModel):
    """What may be changed of a task."""

    model_config = ConfigDict(extra="forbid")

    metadata: Changes = Field(
        description="Entries to write; null takes one away. Others stay as they are.",
        examples=[{"order": "42", "draft": None}],
    )


@router.patch(
    "/{task_id}",
    operation_id="updateTask",
    response_model=TaskView,
    responses=responses.of(
        errors.BadRequestError,
        errors.UnauthorizedError,
        errors.ForbiddenError,
        errors.NotFoundError,
        errors.InvalidError,
        errors.UnavailableError,
    ),
)
async def update_task(
    task_id: str, change: TaskChange, request: Request, identity: TaskWriter, resources: Res
) -> Response:
    """Write on a task: its metadata, whatever has become of it."""
    async with resources.pool.connection() as connection:
        row = await queries.set_metadata(
            connection,
            stored_id(task_id),
            owner=scope_of(identity),
            changes=change.metadata,
            most=MOST_ENTRIES,
        )
    if row is None:
        await visible_task(resources.pool, identity, task_id)
        sentence = f"a task has {MOST_ENTRIES} entries at most: take some away with null"
        raise errors.InvalidError(
            sentence, errors=[InvalidField(pointer="#/metadata", detail=sentence)]
        )
    return answer(request, resources, row)


@router.post(
    "/{task_id}/cancel",
    operation_id="cancelTask",
    status_code=HTTPStatus.ACCEPTED,
    response_model=TaskView,
    responses={
        200: {"model": TaskView, "description": "It was canceled before."},
        **responses.of(
            errors.UnauthorizedError,
            errors.ForbiddenError,
            errors.NotFoundError,
            errors.AlreadyFinishedError,
            errors.UnavailableError,
        ),
    },
)
async def cancel_task(
    task_id: str, request: Request, identity: TaskWriter, resources: Res
) -> Response:
    """Cancel a task: its container is stopped. What it had done is thrown away."""
    status = HTTPStatus.ACCEPTED
    async with resources.pool.connection() as connection:
        row = await cancel_one(connection, stored_id(task_id), owner=scope_of(identity))
    if row is None:
        row = await visible_task(resources.pool, identity, task_id)
        if row.status != State.CANCELED.value:
            raise errors.AlreadyFinishedError(f"the task has {row.status}: nothing to cancel")
        status = HTTPStatus.OK
    resources.submitter.wake()
    return answer(request, resources, row, status)
