"""What a task's processor logs: live from its pod, and once that is gone what the report said.

A processor's last words, its termination report, are in the task's tries: nothing else is kept.
"""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from darkroom_api import errors, responses
from darkroom_api.deps import Res, TaskReader
from darkroom_api.limits.route_class import RouteClass, route_class
from darkroom_api.tasks.access import visible_task
from darkroom_api.tasks.queries import TaskRow
from darkroom_api.tasks.refusing import told

router = APIRouter(prefix="/v1/tasks", tags=["tasks"])


@router.get(
    "/{task_id}/logs",
    operation_id="getLogs",
    response_class=StreamingResponse,
    dependencies=[route_class(RouteClass.STREAM)],
    responses={
        200: {
            "description": "Lines. Darkroom-Log-Source says whether of the pod, or the report.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        **responses.of(
            errors.UnauthorizedError,
            errors.ForbiddenError,
            errors.NotFoundError,
            errors.InvalidError,
            errors.UnavailableError,
        ),
    },
)
async def get_logs(  # noqa: PLR0913, PLR0917  # the query
    task_id: str,
    identity: TaskReader,
    resources: Res,
    tail: Annotated[int, Query(ge=1, le=10_000, description="How many lines at most.")] = 200,
    limit_bytes: Annotated[
        int, Query(ge=1, le=10_000_000, description="How many bytes at most.")
    ] = 1_000_000,
    follow: Annotated[  # noqa: FBT002  # a parameter of the URL
        bool, Query(description="Whether to go on with what comes, for ten minutes at most.")
    ] = False,
) -> StreamingResponse:
    """Read what the task's last processor logs, while its pod is there; then how tries ended."""
    row = await visible_task(resources.pool, identity, task_id)
    parts: AsyncIterator[bytes] | None = None
    if row.tries:
        with told({}):
            parts = await resources.cluster.log(
                row.namespace,
                row.tries[-1]["pod"],
                lines=tail,
                most=limit_bytes,
                follow=follow and not row.is_final,
            )
    source = "report" if parts is None else "pod"
    return StreamingResponse(
        parts or _reported(row, tail, limit_bytes),
        media_type="text/plain",
        headers={"Cache-Control": "no-store", "Darkroom-Log-Source": source},
    )


async def _reported(row: TaskRow, lines: int, most: int) -> AsyncIterator[bytes]:
    text = "".join(_line(one) for one in row.tries[-lines:])
    yield text.encode()[:most]


def _line(one: dict[str, object]) -> str:
    error = one.get("error")
    end = f"{error.get('code')}: {error.get('message')}" if isinstance(error, dict) else ""
    if not end:
        end = "disrupted" if one.get("disrupted") else f"exit code {one.get('exitCode')}"
    if not one.get("finishedAt"):
        end = "has not ended"
    return f"{one.get('finishedAt') or one.get('startedAt')} try {one['number']} {end}\n"
