"""Batches: make many tasks in one request, look at them as one, cancel them."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from darkroom_api import errors, responses
from darkroom_api.auth.identity import Identity
from darkroom_api.batches import queries
from darkroom_api.batches.creation import create_batch
from darkroom_api.batches.of_files import create_batch_of_files
from darkroom_api.batches.schemas import (
    MOST_TASKS,
    BatchPage,
    BatchRequest,
    BatchUrls,
    BatchView,
)
from darkroom_api.deps import Res, TaskReader, TaskWriter
from darkroom_api.idempotency import IdempotencyKey
from darkroom_api.middleware import media_type
from darkroom_api.problem import InvalidField
from darkroom_api.problem_handlers import invalid_fields
from darkroom_api.resources import Resources
from darkroom_api.tasks import cursor
from darkroom_api.tasks.access import scope_of, stored_id
from darkroom_api.tasks.cancellation import cancel_filtered
from darkroom_api.tasks.filters import Filter
from darkroom_api.tasks.queries import Position
from darkroom_api.tasks.recipes import object_in, wanted_in
from darkroom_api.tasks.wanted import Wanted

router = APIRouter(prefix="/v1/batches", tags=["batches"])

_JSON: Final = "application/json"
_MULTIPART: Final = "multipart/form-data"
_CANCELED_AT_ONCE: Final = 1000
_LIST: Final = "batches"
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            _JSON: {"schema": {"$ref": "#/components/schemas/BatchRequest"}},
            _MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": ["file", "task"],
                    "properties": {
                        "file": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": MOST_TASKS,
                            "items": {"type": "string", "format": "binary"},
                            "description": "The files, each in a part of this name.",
                        },
                        "task": {"$ref": "#/components/schemas/TaskRecipe"},
                    },
                },
                "encoding": {"task": {"contentType": _JSON}},
                "example": {
                    "file": ["(bytes of a.jpg)", "(bytes of b.jpg)"],
                    "task": {"outputs": [{"name": "thumb", "format": "webp"}]},
                },
            },
        },
    }
}


@router.post(
    "",
    operation_id="createBatch",
    status_code=HTTPStatus.ACCEPTED,
    response_model=BatchView,
    openapi_extra=_BODY,
    responses=responses.of(
        errors.BadRequestError,
        errors.UnauthorizedError,
        errors.ForbiddenError,
        errors.KeyInUseError,
        errors.TooLargeError,
        errors.UnsupportedMediaTypeError,
        errors.FileRefusedError,
        errors.InvalidError,
        errors.KeyReusedError,
        errors.QuotaExceededError,
        errors.UnavailableError,
    ),
)
async def create(
    request: Request, identity: TaskWriter, resources: Res, once: IdempotencyKey
) -> Response:
    """Make up to 200 tasks at once: all of them, or none where one is not right.

    As JSON, each task is written out. As multipart, each file becomes a task of its own, and what
    the part `task` says is made of every one of them.
    """
    match media_type(request.scope):
        case "multipart/form-data":
            return await create_batch_of_files(
                request,
                resources,
                identity,
                once=once,
                answer=lambda row: created(request, row),
            )
        case "application/json":
            batch = _batch(object_in(await request.body()))
        case _:
            raise errors.UnsupportedMediaTypeError(f"send {_MULTIPART} or {_JSON}")
    return await create_batch(
        resources,
        identity,
        [_wanted(document, number) for number, document in enumerate(batch.tasks)],
        metadata=batch.metadata,
        answer=lambda row: created(request, row),
        once=once,
    )


def _batch(document: dict[str, Any]) -> BatchRequest:
    try:
        return BatchRequest.model_validate(document)
    except ValidationError as error:
        raise invalid_fields(error.errors()) from None


def _wanted(document: dict[str, object], number: int) -> Wanted:
    try:
        return wanted_in(document)
    except errors.InvalidError as error:
        place = f"#/tasks/{number}"
        fields = [
            InvalidField(pointer=place + wrong.pointer.removeprefix("#"), detail=wrong.detail)
            for wrong in error.errors or ()
        ]
        raise errors.InvalidError(f"{place}: {error.detail}", errors=fields) from None


@router.get(
    "",
    operation_id="listBatches",
    response_model=BatchPage,
    responses=responses.of(
        errors.UnauthorizedError,
        errors.ForbiddenError,
        errors.InvalidError,
        errors.UnavailableError,
    ),
)
async def list_batches(
    request: Request,
    identity: TaskReader,
    resources: Res,
    limit: Annotated[int, Query(ge=1, le=100, description="Most batches on a page.")] = 20,
    cursor_: Annotated[
        str | None, Query(alias="cursor", max_length=256, description="next_cursor of a page.")
    ] = None,
) -> Response:
    """List batches, newest first: one's own, or as an operator or admin all."""
    after = cursor.decoded(cursor_, digest=_LIST) if cursor_ else None
    async with resources.pool.connection() as connection:
        rows = await queries.batches_page(
            connection, owner=scope_of(identity), after=after, limit=limit + 1
        )
    page, has_more = rows[:limit], len(rows) > limit
    following = (
        cursor.encoded(Position(page[-1].created_at, page[-1].id), digest=_LIST)
        if has_more
        else None
    )
    headers = {}
    if following:
        link = request.url.include_query_params(cursor=following)
        headers["Link"] = f'<{link}>; rel="next"'
    view = BatchPage(
        data=[view_of(row, str(request.base_url)) for row in page],
        has_more=has_more,
        next_cursor=following,
    )
    return Response(view.model_dump_json(), headers=headers, media_type=_JSON)


@router.get(
    "/{batch_id}",
    operation_id="getBatch",
    response_model=BatchView,
    responses=responses.of(
        errors.UnauthorizedError,
        errors.ForbiddenError,
        errors.NotFoundError,
        errors.UnavailableError,
    ),
)
async def get_batch(
    batch_id: str, request: Request, identity: TaskReader, resources: Res
) -> Response:
    """Look at a batch: how many of its tasks are in which state, and one progress of all."""
    return _answer(request, await _visible(resources, identity, batch_id))


@router.post(
    "/{batch_id}/cancel",
    operation_id="cancelBatch",
    status_code=HTTPStatus.ACCEPTED,
    response_model=BatchView,
    responses=responses.of(
        errors.UnauthorizedError,
        errors.ForbiddenError,
        errors.NotFoundError,
        errors.UnavailableError,
    ),
)
async def cancel_batch(
    batch_id: str, request: Request, identity: TaskWriter, resources: Res
) -> Response:
    """Cancel every task of a batch that has not ended."""
    row = await _visible(resources, identity, batch_id)
    async with resources.pool.connection() as connection:
        await cancel_filtered(
            connection, Filter(owner=row.owner, batch=row.id), limit=_CANCELED_AT_ONCE
        )
    resources.submitter.wake()
    return _answer(request, await _visible(resources, identity, batch_id), HTTPStatus.ACCEPTED)


async def _visible(resources: Resources, identity: Identity, batch_id: str) -> queries.BatchRow:
    async with resources.pool.connection() as connection:
        row = await queries.batch_by_id(connection, stored_id(batch_id), owner=scope_of(identity))
    if row is None:
        raise errors.NotFoundError(f"there is no batch {batch_id}")
    return row


def created(request: Request, row: queries.BatchRow) -> Response:
    """Return a batch that this request made."""
    response = _answer(request, row, HTTPStatus.ACCEPTED)
    response.headers["Location"] = view_of(row, str(request.base_url)).urls.self
    return response


def _answer(request: Request, row: queries.BatchRow, status: int = HTTPStatus.OK) -> Response:
    headers = {} if row.finished_at else {"Retry-After": "1"}
    body = view_of(row, str(request.base_url)).model_dump_json()
    return Response(body, status, headers, media_type=_JSON)


def view_of(row: queries.BatchRow, base_url: str) -> BatchView:
    """Return the batch with absolute URLs under `base_url`."""
    base = base_url.rstrip("/")
    url = f"{base}/v1/batches/{row.id}"
    is_over = not ({"queued", "running"} & row.counts.keys())
    return BatchView.model_validate(
        {
            "id": row.id,
            "status": "finished" if is_over else "running",
            "progress": row.progress,
            "counts": row.counts,
            "tasks": row.tasks,
            "metadata": row.metadata,
            "created_at": row.created_at,
            "finished_at": row.finished_at,
            "urls": BatchUrls(
                self=url, tasks=f"{base}/v1/tasks?batch={row.id}", cancel=f"{url}/cancel"
            ),
            "owner": row.owner,
        }
    )
