"""Replays: a failed task is tried again as a new one that names its origin."""

from http import HTTPStatus
from uuid import UUID

from darkroom_core.conditions import State
from fastapi import APIRouter, Request, Response
from psycopg import sql
from psycopg.rows import class_row

from darkroom_api import errors, responses
from darkroom_api.database import Connection
from darkroom_api.deps import Res, SignedIn
from darkroom_api.tasks import queries
from darkroom_api.tasks.access import scope_of, stored_id, visible_task
from darkroom_api.tasks.answers import shown
from darkroom_api.tasks.ids import new_id
from darkroom_api.tasks.schemas import TaskView

router = APIRouter(prefix="/v1/tasks", tags=["tasks"])


@router.post(
    "/{task_id}/replay",
    operation_id="replayTask",
    status_code=HTTPStatus.ACCEPTED,
    responses=responses.of(
        errors.UnauthorizedError,
        errors.NotFoundError,
        errors.NotFailedError,
        errors.SourceGoneError,
        errors.UnavailableError,
    ),
)
async def replay_task(
    task_id: str, request: Request, response: Response, identity: SignedIn, resources: Res
) -> TaskView:
    """Try a failed task again: a new one with the same spec and owner is queued."""
    async with resources.pool.connection() as connection:
        row = await insert_replay(
            connection,
            stored_id(task_id),
            owner=scope_of(identity),
            new_id=new_id(),
            namespace=resources.settings.namespace,
        )
    if row is None:
        origin = await visible_task(resources.pool, identity, task_id)
        if origin.status != State.FAILED.value:
            raise errors.NotFailedError(
                f"the task is {origin.status}: only a failed one is replayed"
            )
        raise errors.SourceGoneError("what the task was made from is not kept any more")
    resources.submitter.wake()
    resources.metrics.tasks_created.labels("replay").inc()
    view = shown(request, resources, row)
    response.headers["Location"] = view.urls.self
    response.headers["Retry-After"] = "1"
    return view


async def insert_replay(
    connection: Connection, task_id: str, *, owner: UUID | None, new_id: str, namespace: str
) -> queries.TaskRow | None:
    """Queue a copy of a failed task; None if it has not failed, or its upload is not kept.

    The lock keeps the sweep from the upload until the copy is there to need it.
    """
    cursor = connection.cursor(row_factory=class_row(queries.TaskRow))
    await cursor.execute(
        sql.SQL(
            """
            WITH failed AS (
                SELECT * FROM tasks
                WHERE id = %(id)s AND {} AND status = 'failed' AND spec IS NOT NULL
                    AND NOT EXISTS (
                        SELECT 1 FROM unnest(cleaned_prefixes) AS prefix
                        WHERE starts_with(spec -> 'source' ->> 'key', prefix)
                    )
                    AND (
                        outputs_deleted_at IS NULL
                        OR (
                            coalesce(spec -> 'source' ->> 'key', '') NOT LIKE 'uploads/task-%%'
                            AND NOT jsonb_path_exists(
                                spec, '$.sources[*].key ? (@ starts with "uploads/task-")'
                            )
                        )
                    )
                FOR UPDATE
            )
            INSERT INTO tasks (id, name, owner, namespace, spec, source_filename, source_bytes)
            SELECT %(new_id)s, %(new_id)s, owner, %(namespace)s,
                spec - 'suspend' || jsonb_build_object('origin', id), source_filename, source_bytes
            FROM failed
            RETURNING {}
            """
        ).format(queries.VISIBLE, queries.COLUMNS),
        {"id": task_id, "owner": owner, "new_id": new_id, "namespace": namespace},
    )
    return await cursor.fetchone()
