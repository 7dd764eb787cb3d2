"""The composition root: builds the operator from its settings and runs it until it is stopped."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast

import kopf
from darkroom_core import names
from darkroom_core.background import ended
from darkroom_core.storage import open_storage
from darkroom_core.task import TaskSpec
from darkroom_core.tracing import Tracing, open_tracing

from darkroom_operator.api_server import open_api_server
from darkroom_operator.autoscaling.serve import served_meanwhile
from darkroom_operator.children import Job, Pod, read_job, read_pod
from darkroom_operator.cluster import Cluster
from darkroom_operator.complaints import Complaints
from darkroom_operator.decide import JobFor, Start
from darkroom_operator.desired.assignment import Terms, assignment_for
from darkroom_operator.desired.job import Processor, job_for
from darkroom_operator.events import Events
from darkroom_operator.handlers import kopf_settings, registry_for
from darkroom_operator.health import Health, served
from darkroom_operator.informer import Informer
from darkroom_operator.lease import Lease
from darkroom_operator.metrics import controller
from darkroom_operator.metrics.serving import serve_metrics
from darkroom_operator.mirror import PostgresMirror
from darkroom_operator.observe import Observer
from darkroom_operator.pools import Pools
from darkroom_operator.postgres import Postgres
from darkroom_operator.recipes import Recipes
from darkroom_operator.reconcile import Reconciler
from darkroom_operator.resync import Resync
from darkroom_operator.schedules.api_sweeper import open_sweeper
from darkroom_operator.schedules.reconcile import Schedules
from darkroom_operator.schedules.sweep import Sweeper
from darkroom_operator.settings import Settings
from darkroom_operator.stops import Stops
from darkroom_operator.store import Tasks
from darkroom_operator.task import Task
from darkroom_operator.versions import notes_on
from darkroom_operator.workqueue import WorkQueue

_LOG: Final = logging.getLogger(__name__)
_LAST_FLUSH_SECONDS: Final = 3


@dataclass(frozen=True, slots=True)
class Operator:
    """The parts that run while this operator is the active one."""

    tasks: Tasks
    queue: WorkQueue
    schedules: Schedules
    jobs: Informer[Job]
    pods: Informer[Pod]
    pools: Pools
    recipes: Recipes
    reconciler: Reconciler
    resync: Resync
    health: Health


def assemble(
    settings: Settings,
    cluster: Cluster,
    postgres: Postgres,
    sweeper: Sweeper,
    tracing: Tracing | None = None,
) -> tuple[Operator, PostgresMirror]:
    """Put the parts together."""
    queue, times = WorkQueue(), WorkQueue("schedule")
    tasks = Tasks(on_scheduled=times.add)
    mirror = PostgresMirror(postgres, queue.add)
    jobs = Informer(cluster, "jobs", read_job, queue.add)
    pods = Informer(cluster, "pods", read_pod, queue.add)
    pools = Pools(cluster, tasks, queue, _now)
    recipes = Recipes(cluster, queue)
    schedules = Schedules(cluster, tasks, mirror, sweeper, times, clock=_now)
    operator = Operator(
        tasks=tasks,
        queue=queue,
        schedules=schedules,
        jobs=jobs,
        pods=pods,
        pools=pools,
        recipes=recipes,
        reconciler=Reconciler(
            tasks=tasks,
            observer=Observer(jobs, pods, pools.informer, recipes, mirror, Complaints(cluster)),
            admission=pools.admission,
            cluster=cluster,
            mirror=mirror,
            stops=Stops(cluster),
            events=Events(cluster, _now),
            queue=queue,
            job_for=job_builder(settings),
            clock=_now,
            tracing=tracing,
        ),
        resync=Resync(cluster, mirror, tasks, queue, namespace=settings.watched, clock=_now),
        health=Health([queue], [jobs, pods, pools.informer, recipes.informer, schedules.informer]),
    )
    return operator, mirror


def job_builder(settings: Settings) -> JobFor:
    """Return the function that makes a task's Job on the settings' terms."""
    processor = Processor(
        image=settings.processor_image,
        pull_policy=settings.processor_pull_policy,
        pull_secrets=tuple(settings.processor_pull_secrets),
        has_fixed_user=settings.processor_fixed_user,
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

    def build(task: Task, spec: TaskSpec, start: Start, now: datetime) -> dict[str, Any]:
        return job_for(task, spec, start, processor, assignment_for(task, spec, terms, now))

    return build


async def run(settings: Settings) -> None:
    """Stand by until this operator is the active one, then work until a signal.

    If one part fails, or another operator may be active, all of it ends, and is started afresh.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    identity = settings.identity or socket.gethostname()
    health: list[Health] = []

    def check() -> str:
        return health[0].check() if health else "standing by"

    tracing = open_tracing(names.OPERATOR, os.environ)
    controller.WORKERS.set(settings.workers)
    serve_metrics(settings.metrics_port)
    pools: list[Pools] = []
    async with (
        served(settings.liveness_port, check),
        open_api_server(settings.watched) as cluster,
        served_meanwhile(
            settings.autoscaling,
            namespace=settings.namespace,
            database_url=settings.database_url.get_secret_value(),
            pools=lambda: [(p.namespace, p.name) for kept in pools for p in kept.informer.all()],
        ),
        open_sweeper(settings.storage, _now) as sweeper,
    ):
        lease = Lease(cluster, settings.namespace, names.OPERATOR, identity)
        if not await _before(stop, lease.acquire()):
            return
        for note in notes_on((await cluster.request("GET", "/version"))[1]):
            _LOG.warning(note)
        postgres = Postgres(settings.database_url.get_secret_value())
        operator, mirror = assemble(settings, cluster, postgres, sweeper, tracing)
        health.append(operator.health)
        pools.append(operator.pools)
        await _work(settings, operator, mirror, lease, stop)
        await _close(mirror, postgres)
        if tracing:
            # In a thread: the collector may not answer.
            await asyncio.to_thread(tracing.close)
        await lease.release()


async def _work(
    settings: Settings,
    operator: Operator,
    mirror: PostgresMirror,
    lease: Lease,
    stop: asyncio.Event,
) -> None:
    async with asyncio.TaskGroup() as group:
        background = [
            group.create_task(part)
            for part in (
                lease.keep(),
                operator.jobs.run(),
                operator.pods.run(),
                operator.pools.informer.run(),
                operator.recipes.informer.run(),
                operator.schedules.run(),
                operator.resync.run(settings.resync_seconds),
                mirror.run(),
                operator.reconciler.stops.run(),
                _reconcile(operator, settings.workers),
            )
        ]
        await _run_kopf(settings, operator, stop)
        await ended(background)


async def _reconcile(operator: Operator, workers: int) -> None:
    """Begin once all is known: before, neither a place nor a count would be right."""
    await operator.reconciler.synced()
    async with asyncio.TaskGroup() as group:
        group.create_task(operator.pools.run())
        for _ in range(workers):
            group.create_task(operator.reconciler.work())


async def _run_kopf(settings: Settings, operator: Operator, stop: asyncio.Event) -> None:
    await kopf.operator(
        registry=registry_for(operator.tasks, operator.queue),
        settings=kopf_settings(),
        standalone=True,
        # Without an identity kopf asks for the user's name, and a container's user may have none.
        identity=cast("Any", names.OPERATOR),
        clusterwide=settings.all_namespaces,
        namespaces=() if settings.all_namespaces else [settings.namespace],
        stop_flag=stop,
    )


async def _before(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work unless it is time to stop; return whether it was done."""
    stopping = asyncio.create_task(stop.wait())
    working = asyncio.create_task(work)
    await asyncio.wait([stopping, working], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not working.done():
        working.cancel()
        return False
    await working
    return True


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
