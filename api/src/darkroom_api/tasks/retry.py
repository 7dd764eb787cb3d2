"""Tries again what did not succeed: a new task, which names the old one as its origin."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from darkroom_api import errors, responses
from darkroom_api.auth.identity import Identity
from darkroom_api.deps import Res, TaskWriter
from darkroom_api.idempotency import IdempotencyKey, Once
from darkroom_api.limits import quotas
from darkroom_api.resources import Resources
from darkroom_api.tasks.access import scope_of, stored_id, visible_task
from darkroom_api.tasks.answers import created
from darkroom_api.tasks.creation import announce
from darkroom_api.tasks.retrying import REPLAYED, RETRIED, insert_retries
from darkroom_api.tasks.schemas import TaskView

router = APIRouter(prefix="/v1/tasks", tags=["tasks"])

_RESPONSES: Final[dict[int | str, dict[str, Any]]] = responses.of(
    errors.BadRequestError,
    errors.UnauthorizedError,
    errors.ForbiddenError,
    errors.NotFoundError,
    errors.NotFailedError,
    errors.KeyInUseError,
    errors.SourceGoneError,
    errors.KeyReusedError,
    errors.QuotaExceededError,
    errors.UnavailableError,
)


@router.post(
    "/{task_id}/retry",
    operation_id="retryTask",
    status_code=HTTPStatus.ACCEPTED,
    response_model=TaskView,
    responses=_RESPONSES,
)
async def retry_task(
    task_id: str, request: Request, identity: TaskWriter, resources: Res, once: IdempotencyKey
) -> Response:
    """Try again a task that failed, was canceled or has expired.

    A new task with the same spec, owner and metadata is queued; the old one stays as it is.
    """
    return await _again(task_id, request, identity, resources, once, RETRIED)


@router.post(
    "/{task_id}/replay",
    operation_id="replayTask",
    status_code=HTTPStatus.ACCEPTED,
    response_model=TaskView,
    responses=_RESPONSES,
)
async def replay_task(
    task_id: str, request: Request, identity: TaskWriter, resources: Res, once: IdempotencyKey
) -> Response:
    """Replay a dead letter: the same as a retry, of a task that has failed alone."""
    return await _again(task_id, request, identity, resources, once, REPLAYED)


async def _again(  # noqa: PLR0913, PLR0917  # the request
    task_id: str,
    request: Request,
    identity: Identity,
    resources: Resources,
    once: Once | None,
    statuses: tuple[str, ...],
) -> Response:
    async with resources.pool.connection() as connection, connection.transaction():
        rows = await insert_retries(
            connection,
            [stored_id(task_id)],
            owner=scope_of(identity),
            namespace=resources.settings.namespace,
            statuses=statuses,
        )
        if not rows:
            raise await _refusal(resources, identity, task_id, statuses)
        await quotas.admit(connection, identity, defaults=resources.settings.quotas, tasks=1)
        if once:
            await once.settle(connection, created(request, resources, rows[0]))
    announce(resources, rows)
    return created(request, resources, rows[0])


async def _refusal(
    resources: Resources, identity: Identity, task_id: str, statuses: tuple[str, ...]
) -> errors.ApiError:
    origin = await visible_task(resources.pool, identity, task_id)
    if origin.status in statuses:
        return errors.SourceGoneError("what the task was made from is not kept any more")
    return errors.NotFailedError(
        f"the task is {origin.status}: only what is {' or '.join(statuses)} is tried again"
    )
