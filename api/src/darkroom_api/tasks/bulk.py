"""Cancels or tries again many tasks: those that are named, or that a filter lets through."""

from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, Self

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from darkroom_api import errors, responses
from darkroom_api.auth.identity import Identity
from darkroom_api.database import Connection
from darkroom_api.deps import Res, TaskWriter
from darkroom_api.idempotency import IdempotencyKey
from darkroom_api.limits import quotas
from darkroom_api.resources import Resources
from darkroom_api.tasks import cancellation, retrying
from darkroom_api.tasks.access import scope_of
from darkroom_api.tasks.creation import announce
from darkroom_api.tasks.filter_fields import MOST_IDS, TaskFilter, TaskId, of_change
from darkroom_api.tasks.queries import TaskRow

router = APIRouter(prefix="/v1/tasks", tags=["tasks"])

_UNFINISHED: Final = ("queued", "running")
_EXAMPLES: Final[list[JsonValue]] = [
    {"filter": {"status": ["failed"], "label": {"order": "42"}}, "dry_run": True},
    {"ids": ["task-019aac1be8f27a70b6b1c9a1f2d3e4f5"]},
]


class BulkRequest(BaseModel):
    """Which tasks: by their ids, or by a filter."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": _EXAMPLES})

    ids: Annotated[list[TaskId], Field(min_length=1, max_length=MOST_IDS)] | None = None
    filter: TaskFilter | None = None
    dry_run: bool = Field(default=False, description="Only tell what would be done.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.ids is None) == (self.filter is None):
            raise ValueError("name either ids or a filter")
        return self


class DoneView(BaseModel):
    """A task with which it was done."""

    id: str
    task: str | None = Field(description="Of a retry: the id of the new task.")


class SkippedView(BaseModel):
    """A task that was named, and with which nothing was done."""

    id: str
    code: str = Field(description="Why, as a code of an error.", examples=["already_finished"])
    detail: str


class BulkView(BaseModel):
    """What was done, or would be."""

    object: Literal["bulk"] = "bulk"
    action: Literal["cancel", "retry"]
    dry_run: bool
    data: list[DoneView]
    skipped: list[SkippedView]
    has_more: bool = Field(
        description="Whether the filter lets through more than this request did: send it again."
    )


_RESPONSES: Final[dict[int | str, dict[str, Any]]] = responses.of(
    errors.BadRequestError,
    errors.UnauthorizedError,
    errors.ForbiddenError,
    errors.KeyInUseError,
    errors.InvalidError,
    errors.KeyReusedError,
    errors.QuotaExceededError,
    errors.UnavailableError,
)


@router.post("/cancel", operation_id="cancelTasks", response_model=BulkView, responses=_RESPONSES)
async def cancel_tasks(
    bulk: BulkRequest, identity: TaskWriter, resources: Res, once: IdempotencyKey
) -> Response:
    """Cancel up to 1,000 tasks: your own, where a filter names nobody else's."""
    async with resources.pool.connection() as connection, connection.transaction():
        view = await _cancel(connection, bulk, identity)
        response = _answer(view)
        if once:
            await once.settle(connection, response)
    resources.submitter.wake()
    return response


@router.post("/retry", operation_id="retryTasks", response_model=BulkView, responses=_RESPONSES)
async def retry_tasks(
    bulk: BulkRequest, identity: TaskWriter, resources: Res, once: IdempotencyKey
) -> Response:
    """Try again up to 1,000 tasks that failed, were canceled or have expired.

    By a filter each is tried again once, whoever did it.
    """
    async with resources.pool.connection() as connection, connection.transaction():
        view, rows = await _retry(connection, bulk, identity, resources)
        response = _answer(view)
        if once:
            await once.settle(connection, response)
    announce(resources, rows)
    return response


async def _cancel(connection: Connection, bulk: BulkRequest, identity: Identity) -> BulkView:
    if bulk.filter:
        wanted = of_change(bulk.filter, identity)
        act = cancellation.cancelable if bulk.dry_run else cancellation.cancel_filtered
        done = await act(connection, wanted, limit=MOST_IDS)
        left = await cancellation.cancelable(connection, wanted, limit=MOST_IDS + 1)
        has_more = len(left) > (len(done) if bulk.dry_run else 0)
        return _view(
            "cancel", bulk, [DoneView(id=task_id, task=None) for task_id in done], has_more=has_more
        )
    ids = list(dict.fromkeys(bulk.ids or ()))
    owner = scope_of(identity)
    states = await retrying.found(connection, ids, owner=owner)
    if bulk.dry_run:
        canceled = {task_id for task_id, status in states.items() if status in _UNFINISHED}
    else:
        canceled = await cancellation.cancel_named(connection, ids, owner=owner)
    done_views = [DoneView(id=task_id, task=None) for task_id in ids if task_id in canceled]
    skipped = [
        _skipped(task_id, states.get(task_id), errors.AlreadyFinishedError)
        for task_id in ids
        if task_id not in canceled
    ]
    return _view("cancel", bulk, done_views, skipped)


async def _retry(
    connection: Connection, bulk: BulkRequest, identity: Identity, resources: Resources
) -> tuple[BulkView, list[TaskRow]]:
    has_more = False
    owner = scope_of(identity)
    if bulk.filter:
        wanted = of_change(bulk.filter, identity)
        found = await retrying.retryable(connection, wanted, limit=MOST_IDS + 1)
        ids, has_more = found[:MOST_IDS], len(found) > MOST_IDS
    else:
        ids = list(dict.fromkeys(bulk.ids or ()))
    states = await retrying.found(connection, ids, owner=owner)
    kept = await retrying.with_source(connection, ids, owner=owner)
    made: dict[str, str | None] = dict.fromkeys(kept)
    rows: list[TaskRow] = []
    if kept and not bulk.dry_run:
        namespace = resources.settings.namespace
        rows = await retrying.insert_retries(connection, ids, owner=owner, namespace=namespace)
        await quotas.admit(
            connection, identity, defaults=resources.settings.quotas, tasks=len(rows)
        )
        made = {row.origin: row.id for row in rows if row.origin}
    done = [DoneView(id=task_id, task=made[task_id]) for task_id in ids if task_id in made]
    skipped = [_not_retried(task_id, states) for task_id in ids if task_id not in made]
    return _view("retry", bulk, done, skipped, has_more=has_more), rows


def _not_retried(task_id: str, states: dict[str, str]) -> SkippedView:
    is_ended_so = states.get(task_id) in retrying.RETRIED
    return _skipped(
        task_id,
        states.get(task_id),
        errors.SourceGoneError if is_ended_so else errors.NotFailedError,
    )


def _skipped(task_id: str, status: str | None, kind: type[errors.ApiError]) -> SkippedView:
    if status is None:
        return SkippedView(
            id=task_id, code=errors.NotFoundError.code, detail=f"there is no task {task_id}"
        )
    return SkippedView(id=task_id, code=kind.code, detail=f"the task is {status}: {kind.title}")


def _view(
    action: Literal["cancel", "retry"],
    bulk: BulkRequest,
    done: list[DoneView],
    skipped: list[SkippedView] | None = None,
    *,
    has_more: bool = False,
) -> BulkView:
    return BulkView(
        action=action, dry_run=bulk.dry_run, data=done, skipped=skipped or [], has_more=has_more
    )


def _answer(view: BulkView) -> Response:
    return Response(view.model_dump_json(), HTTPStatus.OK, media_type="application/json")
