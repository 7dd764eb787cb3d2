"""Tasks: look at them, cancel them."""

from http import HTTPStatus
from typing import Annotated

from darkroom_core.conditions import State
from fastapi import APIRouter, Query, Request, Response

from darkroom_api import errors, responses
from darkroom_api.deps import Res, SignedIn
from darkroom_api.tasks import cursor, queries
from darkroom_api.tasks.access import scope_of, stored_id, visible_task
from darkroom_api.tasks.answers import answer, shown
from darkroom_api.tasks.schemas import TaskPage, TaskView

router = APIRouter(prefix="/v1/tasks", tags=["tasks"])


@router.get(
    "",
    operation_id="listTasks",
    responses=responses.of(errors.UnauthorizedError, errors.InvalidError, errors.UnavailableError),
)
async def list_tasks(  # noqa: PLR0913, PLR0917  # the query's parameters
    request: Request,
    response: Response,
    identity: SignedIn,
    resources: Res,
    limit: Annotated[int, Query(ge=1, le=100, description="Most tasks on a page.")] = 20,
    cursor_: Annotated[
        str | None, Query(alias="cursor", max_length=256, description="next_cursor of a page.")
    ] = None,
    status: Annotated[State | None, Query(description="Only tasks in this state.")] = None,
    dead_lettered: Annotated[
        bool | None, Query(description="Only tasks that a replay may help, or only the others.")
    ] = None,
) -> TaskPage:
    """List tasks, newest first: one's own, or as an admin all."""
    after = cursor.decoded(cursor_) if cursor_ else None
    async with resources.pool.connection() as connection:
        rows = await queries.tasks_page(
            connection,
            owner=scope_of(identity),
            status=status.value if status else None,
            is_dead_lettered=dead_lettered,
            after=after,
            limit=limit + 1,
        )
    page, has_more = rows[:limit], len(rows) > limit
    following = (
        cursor.encoded(queries.Position(page[-1].created_at, page[-1].id)) if has_more else None
    )
    if following:
        link = request.url.include_query_params(cursor=following)
        response.headers["Link"] = f'<{link}>; rel="next"'
    return TaskPage(
        data=[shown(request, resources, row) for row in page],
        has_more=has_more,
        next_cursor=following,
    )


@router.get(
    "/{task_id}",
    operation_id="getTask",
    response_model=TaskView,
    responses=responses.of(errors.UnauthorizedError, errors.NotFoundError, errors.UnavailableError),
)
async def get_task(task_id: str, request: Request, identity: SignedIn, resources: Res) -> Response:
    """Look at a task. While it is unfinished, Retry-After says when to look again."""
    row = await visible_task(resources.pool, identity, task_id)
    return answer(request, resources, row)


@router.post(
    "/{task_id}/cancel",
    operation_id="cancelTask",
    status_code=HTTPStatus.ACCEPTED,
    responses={
        200: {"model": TaskView, "description": "It was canceled before."},
        **responses.of(
            errors.UnauthorizedError,
            errors.NotFoundError,
            errors.AlreadyFinishedError,
            errors.UnavailableError,
        ),
    },
)
async def cancel_task(
    task_id: str, request: Request, response: Response, identity: SignedIn, resources: Res
) -> TaskView:
    """Cancel a task: its container is stopped. What it had done is thrown away."""
    async with resources.pool.connection() as connection:
        row = await queries.request_cancel(connection, stored_id(task_id), owner=scope_of(identity))
    if row is None:
        row = await visible_task(resources.pool, identity, task_id)
        if row.status != State.CANCELED.value:
            raise errors.AlreadyFinishedError(f"the task has {row.status}: nothing to cancel")
        response.status_code = HTTPStatus.OK
    resources.submitter.wake()
    return shown(request, resources, row)
