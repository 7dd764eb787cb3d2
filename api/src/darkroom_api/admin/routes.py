"""What operators look at: queues, processors, throughput, failures, dead letters, storage, lag."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from darkroom_core.task import Priority
from fastapi import APIRouter, Query

from darkroom_api import errors, responses
from darkroom_api.admin import queries, schemas
from darkroom_api.admin.pods import Worker, unrecorded, workers_of
from darkroom_api.deps import AdminReader, Database, Res
from darkroom_api.resources import Resources
from darkroom_api.tasks import cursor
from darkroom_api.tasks.cluster import ClusterUnavailableError
from darkroom_api.tasks.queries import Position, count_dead_letters

router = APIRouter(prefix="/v1/admin", tags=["admin"])

PRIORITIES: Final = {2: Priority.CRITICAL, 1: Priority.DEFAULT, 0: Priority.LOW}
_DEAD: Final = "dead-letters"
_REFUSALS: Final = responses.of(
    errors.UnauthorizedError, errors.ForbiddenError, errors.InvalidError, errors.UnavailableError
)


@router.get("/queues", operation_id="getQueues", responses=_REFUSALS)
async def get_queues(_: AdminReader, pool: Database) -> schemas.Queues:
    """Count unfinished tasks by pool and priority, with the age of the oldest that waits."""
    async with pool.connection() as connection:
        rows = await queries.queues(connection)
    now = datetime.now(UTC)
    return schemas.Queues(
        data=[
            schemas.QueueView(
                pool=row.pool,
                priority=PRIORITIES[row.priority],
                waiting=row.waiting,
                submitted=row.submitted,
                running=row.running,
                oldest_queued_at=row.oldest_queued_at,
                oldest_age_seconds=_seconds_since(row.oldest_queued_at, now),
            )
            for row in rows
        ]
    )


@router.get("/workers", operation_id="listWorkers", responses=_REFUSALS)
async def list_workers(_: AdminReader, resources: Res) -> schemas.Workers:
    """List the processors that are at work or about to be: pods, their nodes and ages."""
    try:
        workers = [worker for worker in await _workers(resources) if not worker.is_over]
    except ClusterUnavailableError as error:
        raise errors.UnavailableError(f"Kubernetes does not answer: {error}") from None
    async with resources.pool.connection() as connection:
        known = await queries.known_tries(connection, [worker.task_uid for worker in workers])
    return _workers_view(workers, {row.uid: row for row in known}, datetime.now(UTC))


@router.get("/throughput", operation_id="getThroughput", responses=_REFUSALS)
async def get_throughput(
    _: AdminReader,
    pool: Database,
    per: Annotated[Literal["minute", "hour"], Query(description="The periods' length.")] = "minute",
    periods: Annotated[int, Query(ge=1, le=168, description="How many, up to now.")] = 60,
) -> schemas.Throughput:
    """Count the tasks that were made and that ended in each minute or hour up to now."""
    async with pool.connection() as connection:
        rows = await queries.throughput(connection, per=per, periods=periods)
    return schemas.Throughput(
        per=per, data=[schemas.ThroughputView.model_validate(vars(row)) for row in rows]
    )


@router.get("/failures", operation_id="getFailures", responses=_REFUSALS)
async def get_failures(
    _: AdminReader,
    pool: Database,
    hours: Annotated[int, Query(ge=1, le=720, description="How far back to look.")] = 24,
) -> schemas.Failures:
    """Count failed tasks by reason and pool, each with its last task as an example."""
    async with pool.connection() as connection:
        rows = await queries.failures(connection, hours=hours)
    return schemas.Failures(
        hours=hours, data=[schemas.FailureView.model_validate(vars(row)) for row in rows]
    )


@router.get("/dead-letters", operation_id="listDeadLetters", responses=_REFUSALS)
async def list_dead_letters(
    _: AdminReader,
    pool: Database,
    limit: Annotated[int, Query(ge=1, le=100, description="Most tasks on a page.")] = 20,
    cursor_: Annotated[
        str | None, Query(alias="cursor", max_length=256, description="next_cursor of a page.")
    ] = None,
) -> schemas.DeadLetters:
    """List everybody's failed tasks that a replay may help and that nobody has replayed."""
    after = cursor.decoded(cursor_, digest=_DEAD) if cursor_ else None
    async with pool.connection() as connection:
        rows = await queries.dead_letters(connection, after=after, limit=limit + 1)
        total = await count_dead_letters(connection)
    page, has_more = rows[:limit], len(rows) > limit
    return schemas.DeadLetters(
        total=total,
        data=[_dead_letter(row) for row in page],
        has_more=has_more,
        next_cursor=cursor.encoded(Position(page[-1].created_at, page[-1].id), digest=_DEAD)
        if has_more
        else None,
    )


@router.get("/storage", operation_id="getStorageUsed", responses=_REFUSALS)
async def get_storage(
    _: AdminReader,
    resources: Res,
    limit: Annotated[int, Query(ge=1, le=1000, description="Most users.")] = 100,
) -> schemas.StorageView:
    """Add up what is stored, by user: from rows, so the store itself is not asked."""
    async with resources.pool.connection() as connection:
        rows = await queries.storage_used(connection, limit=limit)
    return schemas.StorageView(
        backend=resources.settings.storage.backend,
        upload_bytes=sum(row.upload_bytes for row in rows),
        output_bytes=sum(row.output_bytes for row in rows),
        data=[
            schemas.UserStorageView(
                user=row.owner,
                email=row.email,
                tasks=row.tasks,
                upload_bytes=row.upload_bytes,
                output_bytes=row.output_bytes,
            )
            for row in rows
        ],
    )


@router.get("/mirror", operation_id="getMirrorLag", responses=_REFUSALS)
async def get_mirror(_: AdminReader, resources: Res) -> schemas.MirrorView:
    """Say how far rows are behind the cluster: how soon ends were recorded, and which were not."""
    missing: list[Worker] | None = None
    try:
        workers = await _workers(resources)
    except ClusterUnavailableError:
        workers = None
    async with resources.pool.connection() as connection:
        recording = await queries.recording(connection)
        if workers is not None:
            known = await queries.known_tries(connection, [worker.task_uid for worker in workers])
            missing = unrecorded(workers, known)
    ids = {row.uid: row.id for row in known} if missing else {}
    now, oldest = datetime.now(UTC), missing[0] if missing else None
    return schemas.MirrorView(
        lag=schemas.LagView(
            tasks=recording.recorded,
            p50_seconds=recording.lag_p50,
            p99_seconds=recording.lag_p99,
            max_seconds=recording.lag_max,
        ),
        cluster_answers=workers is not None,
        unrecorded=None if missing is None else len(missing),
        oldest_unrecorded_seconds=_seconds_since(oldest.ended_at, now) if oldest else None,
        oldest_unrecorded_task=ids[oldest.task_uid] if oldest else None,
        due=recording.due,
        oldest_due_seconds=_seconds_since(recording.oldest_due_at, now),
    )


async def _workers(resources: Resources) -> list[Worker]:
    return workers_of(await resources.cluster.processor_pods(resources.settings.namespace))


def _workers_view(
    workers: list[Worker], known: dict[str, queries.KnownTry], now: datetime
) -> schemas.Workers:
    counts: dict[str, int] = {}
    for worker in workers:
        if worker.node:
            counts[worker.node] = counts.get(worker.node, 0) + 1
    views = []
    for worker in sorted(workers, key=lambda worker: worker.created_at):
        row = known.get(worker.task_uid)
        views.append(
            schemas.WorkerView(
                pod=worker.pod,
                node=worker.node,
                pool=worker.pool,
                phase=worker.phase,
                task=row and row.id,
                owner=row and row.owner,
                number=worker.number,
                created_at=worker.created_at,
                started_at=worker.started_at,
                age_seconds=max(0.0, (now - worker.created_at).total_seconds()),
            )
        )
    return schemas.Workers(
        data=views,
        nodes=[schemas.NodeView(node=node, workers=counts[node]) for node in sorted(counts)],
        pending=sum(worker.node is None for worker in workers),
    )


def _dead_letter(row: queries.DeadLetterRow) -> schemas.DeadLetterView:
    error = row.error or {}
    return schemas.DeadLetterView(
        id=row.id,
        owner=row.owner,
        pool=row.pool,
        attempts=row.attempts,
        code=error.get("code"),
        message=error.get("message"),
        created_at=row.created_at,
        finished_at=row.finished_at,
        replay=f"/v1/tasks/{row.id}/replay",
    )


def _seconds_since(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else max(0.0, (now - at).total_seconds())
