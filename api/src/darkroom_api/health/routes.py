"""For the kubelet, Prometheus, and whoever follows a problem's type."""

from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from darkroom_api import errors, responses
from darkroom_api.deps import Database, Res

router = APIRouter()


@router.get("/livez", operation_id="livez", tags=["health"])
async def livez() -> dict[str, str]:
    """Whether the process answers; it depends on nothing else."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    operation_id="readyz",
    tags=["health"],
    responses=responses.of(errors.UnavailableError),
)
async def readyz(pool: Database) -> dict[str, str]:
    """Whether Postgres answers. Kubernetes may be away: tasks are accepted meanwhile."""
    async with pool.connection() as connection:
        await connection.execute("SELECT 1")
    return {"status": "ok"}


@router.get("/metrics", operation_id="metrics", tags=["health"], response_class=Response)
async def metrics(resources: Res) -> Response:
    """Everything that Prometheus collects, as text."""
    return Response(generate_latest(resources.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get(
    "/problems/{code}",
    operation_id="getProblem",
    tags=["problems"],
    responses=responses.of(errors.NotFoundError),
)
async def describe_problem(code: str, request: Request) -> dict[str, Any]:
    """Return what a kind of problem means: the `type` of every problem leads here."""
    kind = errors.catalogue().get(code)
    if kind is None:
        raise errors.NotFoundError(f"there is nothing at {request.url.path}")
    return {
        "code": kind.code,
        "title": kind.title,
        "status": kind.status,
        "retryable": kind.retryable,
        "description": " ".join((kind.__doc__ or "").split()),
    }
