"""The composition root: builds the operator from its settings and runs it until it is stopped."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast

import kopf
from darkroom_core import names
from darkroom_core.storage import open_storage
from darkroom_core.task import TaskSpec
from prometheus_client import start_http_server

from darkroom_operator import metrics
from darkroom_operator.api_server import open_api_server
from darkroom_operator.children import Job, Pod, read_job, read_pod
from darkroom_operator.cluster import Cluster
from darkroom_operator.decide import JobFor
from darkroom_operator.desired.assignment import Terms, assignment_for
from darkroom_operator.desired.job import Processor, job_for
from darkroom_operator.handlers import kopf_settings, registry_for
from darkroom_operator.health import Health
from darkroom_operator.informer import Informer
from darkroom_operator.mirror import Mirror, PostgresMirror
from darkroom_operator.postgres import Postgres
from darkroom_operator.reconcile import Reconciler
from darkroom_operator.resync import Resync
from darkroom_operator.settings import Settings
from darkroom_operator.store import Tasks
from darkroom_operator.task import Task
from darkroom_operator.workqueue import WorkQueue

_LOG: Final = logging.getLogger(__name__)
_LAST_FLUSH_SECONDS: Final = 3


@dataclass(frozen=True, slots=True)
class Operator:
    """The parts that run."""

    tasks: Tasks
    queue: WorkQueue
    jobs: Informer[Job]
    pods: Informer[Pod]
    reconciler: Reconciler
    resync: Resync
    health: Health


def assemble(settings: Settings, cluster: Cluster, mirror: Mirror, queue: WorkQueue) -> Operator:
    """Put the parts together."""
    tasks = Tasks()
    jobs = Informer(cluster, "jobs", read_job, queue.add)
    pods = Informer(cluster, "pods", read_pod, queue.add)
    return Operator(
        tasks=tasks,
        queue=queue,
        jobs=jobs,
        pods=pods,
        reconciler=Reconciler(
            tasks, jobs, pods, cluster, mirror, queue, job_builder(settings), _now
        ),
        resync=Resync(cluster, mirror, tasks, queue, namespace=settings.namespace, clock=_now),
        health=Health(queue, [jobs, pods]),
    )


def job_builder(settings: Settings) -> JobFor:
    """Return the function that makes a task's Job on the settings' terms."""
    processor = Processor(
        image=settings.processor_image,
        pull_policy=settings.processor_pull_policy,
        cpu_request=settings.processor_cpu_request,
        memory_request=settings.processor_memory_request,
        memory_limit=settings.processor_memory_limit,
        temporary_size=settings.processor_temporary_size,
    )
    terms = Terms(
        signer=open_storage(settings.storage),
        api_url=settings.storage.url,
        signing_key=settings.storage.signing_key_bytes,
        allowed_networks=[str(network) for network in settings.allowed_source_networks],
        limits=settings.limits,
    )

    def build(task: Task, spec: TaskSpec, now: datetime) -> dict[str, Any]:
        return job_for(task, spec, processor, assignment_for(task, spec, terms, now))

    return build


async def run(settings: Settings) -> None:
    """Run until a signal; if one part fails, all of it ends, and is started afresh."""
    queue = WorkQueue()
    postgres = Postgres(settings.database_url.get_secret_value())
    mirror = PostgresMirror(postgres, queue.add)
    metrics.WORKERS.set(settings.workers)
    start_http_server(settings.metrics_port)
    async with open_api_server(settings.namespace) as cluster:
        operator = assemble(settings, cluster, mirror, queue)
        async with asyncio.TaskGroup() as group:
            background = [
                group.create_task(part)
                for part in (
                    operator.jobs.run(),
                    operator.pods.run(),
                    operator.resync.run(settings.resync_seconds),
                    mirror.run(),
                    *(operator.reconciler.work() for _ in range(settings.workers)),
                )
            ]
            await _run_kopf(settings, operator)
            for part in background:
                part.cancel()
    await _close(mirror, postgres)


async def _run_kopf(settings: Settings, operator: Operator) -> None:
    await kopf.operator(
        registry=registry_for(operator.tasks, operator.queue, operator.health),
        settings=kopf_settings(),
        standalone=True,
        # Without an identity kopf asks for the user's name, and a container's user may have none.
        identity=cast("Any", names.OPERATOR),
        namespaces=[settings.namespace],
        liveness_endpoint=f"http://0.0.0.0:{settings.liveness_port}/livez",
    )


async def _close(mirror: PostgresMirror, postgres: Postgres) -> None:
    """Write what still waits, if Postgres takes it at once; the next start makes up for it."""
    try:
        async with asyncio.timeout(_LAST_FLUSH_SECONDS):
            await mirror.flush()
    except Exception as error:  # noqa: BLE001  # the edge: the process ends here
        _LOG.warning("the last records were not written: %s", error)
    await postgres.close()


def _now() -> datetime:
    # Kubernetes' own times have whole seconds.
    return datetime.now(UTC).replace(microsecond=0)
