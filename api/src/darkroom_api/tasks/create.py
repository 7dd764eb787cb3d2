"""POST /v1/tasks: a file or URLs, and what to make of it."""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any, Final

from darkroom_core import names
from darkroom_core.source import MAX_SOURCES
from fastapi import APIRouter, Header, Request, Response

from darkroom_api import errors, responses
from darkroom_api.auth.identity import Identity
from darkroom_api.deps import Res, TaskWriter
from darkroom_api.idempotency import IdempotencyKey, Once
from darkroom_api.middleware import media_type
from darkroom_api.resources import Resources
from darkroom_api.tasks import waiting
from darkroom_api.tasks.answers import created
from darkroom_api.tasks.creation import Also, create_tasks
from darkroom_api.tasks.ids import new_id
from darkroom_api.tasks.intake import create_of_files
from darkroom_api.tasks.multipart import UploadedFile, source_of
from darkroom_api.tasks.queries import TaskRow
from darkroom_api.tasks.recipes import object_in, wanted_in, wanted_upload
from darkroom_api.tasks.schemas import TaskView
from darkroom_api.tasks.waiting import Prefer
from darkroom_api.tasks.wanted import Wanted, cancel_after

router = APIRouter(prefix="/v1/tasks", tags=["tasks"])

_MULTIPART: Final = "multipart/form-data"
_JSON: Final = "application/json"
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            _MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": ["file", "task"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "The file; for a Report or a ZIP up to 64 such parts.",
                        },
                        "task": {"$ref": "#/components/schemas/TaskRecipe"},
                    },
                },
                "encoding": {"task": {"contentType": _JSON}},
            },
            _JSON: {"schema": {"$ref": "#/components/schemas/TaskRequest"}},
        },
    }
}

CancelAfterHeader = Annotated[
    str | None,
    Header(
        alias="Cancel-After",
        description="Cancel the task if it has not ended by then: 90s, 5m, 2h, 1d; 30 days at "
        "most. The same as `cancelAfterSeconds` in the body, which is stronger.",
        examples=["5m"],
    ),
]


@router.post(
    "",
    operation_id="createTask",
    status_code=HTTPStatus.ACCEPTED,
    response_model=TaskView,
    openapi_extra=_BODY,
    responses={
        201: {"model": TaskView, "description": "It has ended within the time of `Prefer: wait`."},
        **responses.of(
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
    },
)
async def create_task(  # noqa: PLR0913, PLR0917  # the headers
    request: Request,
    identity: TaskWriter,
    resources: Res,
    once: IdempotencyKey,
    prefer: Prefer = None,
    cancel_after_: CancelAfterHeader = None,
) -> Response:
    """Upload a file with what to make of it, or name URLs or files of your own tasks.

    The task is queued, and runs by itself.
    """
    after = cancel_after(cancel_after_)
    match media_type(request.scope):
        case "multipart/form-data":
            row = await _create_from_upload(request, identity, resources, once, after)
        case "application/json":
            wanted = wanted_in(object_in(await request.body()))
            row = await _create(request, identity, resources, once, _within(wanted, after))
        case _:
            raise errors.UnsupportedMediaTypeError(f"send {_MULTIPART} or {_JSON}")
    seconds = waiting.seconds_preferred(prefer)
    row = await waiting.until_final(resources, identity, row, seconds)
    status = HTTPStatus.CREATED if row.is_final else HTTPStatus.ACCEPTED
    response = created(request, resources, row, status)
    response.headers.update(waiting.applied(seconds))
    return response


async def _create(  # noqa: PLR0913, PLR0917  # what is done with it at once
    request: Request,
    identity: Identity,
    resources: Resources,
    once: Once | None,
    wanted: Wanted,
    also: Also | None = None,
) -> TaskRow:
    (row,) = await create_tasks(
        resources,
        identity,
        [wanted],
        also=also,
        once=once,
        answer=lambda rows: created(request, resources, rows[0]),
    )
    return row


def _within(wanted: Wanted, after: int | None) -> Wanted:
    return wanted if wanted.cancel_after else replace(wanted, cancel_after=after)


async def _create_from_upload(
    request: Request,
    identity: Identity,
    resources: Resources,
    once: Once | None,
    after: int | None,
) -> TaskRow:
    task_id = new_id()

    def wanted_of(text: bytes, files: Sequence[UploadedFile]) -> list[Wanted]:
        wanted = wanted_upload(text, [source_of(file) for file in files])
        return [
            replace(
                _within(wanted, after),
                id=task_id,
                source_filename=files[0].filename if len(files) == 1 else None,
                source_bytes=sum(file.size for file in files),
            )
        ]

    async def create(wanted: Sequence[Wanted], also: Also) -> TaskRow:
        return await _create(request, identity, resources, once, wanted[0], also)

    return await create_of_files(
        request,
        resources,
        identity,
        once=once,
        most=MAX_SOURCES,
        keys=lambda count: _keys(task_id, count),
        wanted_of=wanted_of,
        create=create,
    )


def _keys(task_id: str, count: int) -> list[str]:
    """Return where the files of an upload are stored: several under a number each."""
    key = names.upload_key(task_id)
    return [f"{key}/{n}" for n in range(1, count + 1)] if count > 1 else [key]
