"""Tasks: make them, look at them, cancel them."""

from collections.abc import Collection, Sequence
from http import HTTPStatus
from typing import Annotated, Any, BinaryIO, Final

from anyio.to_thread import run_sync
from darkroom_core import names
from darkroom_core.conditions import State
from darkroom_core.storage import Storage
from darkroom_core.task import TaskSpec
from fastapi import APIRouter, Query, Request, Response

from darkroom_api import errors, responses
from darkroom_api.auth.tokens import Identity
from darkroom_api.deps import Database, Res, SignedIn
from darkroom_api.middleware import content_length, media_type
from darkroom_api.problem import InvalidField
from darkroom_api.resources import Resources
from darkroom_api.spool import Spool
from darkroom_api.tasks import cursor, queries
from darkroom_api.tasks.access import scope_of, stored_id, visible_task
from darkroom_api.tasks.cluster import ClusterUnavailableError
from darkroom_api.tasks.ids import new_id
from darkroom_api.tasks.keys import refuse_foreign_keys
from darkroom_api.tasks.multipart import UploadedFile, read_upload
from darkroom_api.tasks.recipes import spec_for_json, spec_for_upload
from darkroom_api.tasks.schemas import TaskPage, TaskView
from darkroom_api.tasks.views import view_of

router = APIRouter(prefix="/v1/tasks", tags=["tasks"])

_MULTIPART: Final = "multipart/form-data"
_JSON: Final = "application/json"
_LONGEST_CAPTION: Final = 200
_OCTETS: Final = "application/octet-stream"
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


@router.post(
    "",
    operation_id="createTask",
    status_code=HTTPStatus.ACCEPTED,
    openapi_extra=_BODY,
    responses=responses.of(
        errors.BadRequestError,
        errors.UnauthorizedError,
        errors.TooLargeError,
        errors.UnsupportedMediaTypeError,
        errors.InvalidError,
        errors.UnavailableError,
    ),
)
async def create_task(
    request: Request, response: Response, identity: SignedIn, resources: Res
) -> TaskView:
    """Upload a file with what to make of it, or name URLs or files of your own tasks.

    The task is queued, and runs by itself.
    """
    content_type = request.headers.get("content-type", "")
    match media_type(request.scope):
        case "multipart/form-data":
            row = await _create_from_upload(request, content_type, identity, resources)
        case "application/json":
            spec = spec_for_json(await request.body())
            row = await _insert(resources, _new_task(new_id(), identity, resources, spec), identity)
        case _:
            raise errors.UnsupportedMediaTypeError(f"send {_MULTIPART} or {_JSON}")
    resources.submitter.wake()
    view = view_of(row, str(request.base_url))
    resources.metrics.tasks_created.labels("upload" if row.source_bytes else "url").inc()
    response.headers["Location"] = view.urls.self
    response.headers["Retry-After"] = "1"
    return view


async def _create_from_upload(
    request: Request, content_type: str, identity: Identity, resources: Resources
) -> queries.TaskRow:
    task_id = new_id()
    limit = resources.settings.max_upload_bytes
    own: list[str] = []
    try:
        with resources.spool_room.taken(min(content_length(request.scope) or limit, limit)):
            async with Spool(limit) as spool:
                upload = await read_upload(
                    request.stream(),
                    content_type,
                    spool,
                    lambda text, files: spec_for_upload(text, _sources(task_id, files)),
                )
                for source, file in zip(_sources(task_id, upload.files), upload.files, strict=True):
                    own.append(source["key"])
                    body = spool.part(file.start, file.size)
                    await run_sync(_put, resources.storage, source["key"], body)
        task = _new_task(
            task_id,
            identity,
            resources,
            upload.recipe,
            source_filename=upload.files[0].filename if len(upload.files) == 1 else None,
            source_bytes=spool.size,
        )
        return await _insert(resources, task, identity, own=own)
    except BaseException:
        for key in own:
            await run_sync(resources.storage.delete, key)
        raise


def _sources(task_id: str, files: Sequence[UploadedFile]) -> list[dict[str, str]]:
    """Return where the files of an upload are stored: several under a number each."""
    key = names.upload_key(task_id)
    keys = [f"{key}/{n}" for n in range(1, len(files) + 1)] if len(files) > 1 else [key]
    return [
        {"key": key, "caption": (file.filename or "")[:_LONGEST_CAPTION]}
        for key, file in zip(keys, files, strict=True)
    ]


def _put(storage: Storage, key: str, body: BinaryIO) -> None:
    storage.put(key, body, content_type=_OCTETS)


def _new_task(  # noqa: PLR0913  # the columns
    task_id: str,
    identity: Identity,
    resources: Resources,
    spec: TaskSpec,
    *,
    source_filename: str | None = None,
    source_bytes: int | None = None,
) -> queries.NewTask:
    return queries.NewTask(
        id=task_id,
        owner=identity.user_id,
        namespace=resources.settings.namespace,
        spec=spec.document(),
        source_filename=source_filename,
        source_bytes=source_bytes,
    )


async def _insert(
    resources: Resources, task: queries.NewTask, identity: Identity, *, own: Collection[str] = ()
) -> queries.TaskRow:
    await _refuse_unusable_recipe(resources, task.spec)
    async with resources.pool.connection() as connection:
        await refuse_foreign_keys(connection, task.spec, owner=scope_of(identity), own=own)
        return await queries.insert_task(connection, task)


async def _refuse_unusable_recipe(resources: Resources, spec: dict[str, Any]) -> None:
    """Refuse a name that is a mistake; while nobody can say, the task waits for its recipe."""
    if "recipe" not in spec:
        return
    try:
        recipe = await resources.cluster.recipe(resources.settings.namespace, spec["recipe"])
    except ClusterUnavailableError:
        return
    if recipe is None:
        sentence = f"there is no recipe {spec['recipe']}: GET /v1/recipes lists them"
        raise errors.InvalidError(
            sentence, errors=[InvalidField(pointer="#/recipe", detail=sentence)]
        )


@router.get(
    "",
    operation_id="listTasks",
    responses=responses.of(errors.UnauthorizedError, errors.InvalidError, errors.UnavailableError),
)
async def list_tasks(  # noqa: PLR0913, PLR0917  # the query's parameters
    request: Request,
    response: Response,
    identity: SignedIn,
    pool: Database,
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
    async with pool.connection() as connection:
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
    base = str(request.base_url)
    return TaskPage(
        data=[view_of(row, base) for row in page], has_more=has_more, next_cursor=following
    )


@router.get(
    "/{task_id}",
    operation_id="getTask",
    responses=responses.of(errors.UnauthorizedError, errors.NotFoundError, errors.UnavailableError),
)
async def get_task(
    task_id: str, request: Request, response: Response, identity: SignedIn, pool: Database
) -> TaskView:
    """Look at a task. While it is unfinished, Retry-After says when to look again."""
    row = await visible_task(pool, identity, task_id)
    if not State(row.status).is_final:
        response.headers["Retry-After"] = "1"
    return view_of(row, str(request.base_url))


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
    return view_of(row, str(request.base_url))
