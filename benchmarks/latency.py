"""How fast the operator is at 20 tasks a second, and how much it writes.

Real: the operator, the API server, etcd and Postgres. Played (stand_ins.py): all that is between a
Job and its pod's end, so that the operator's own time is measured, at a rate that Kubernetes'
controllers do not reach.

Writes are those that the operator itself counts (rest_client_requests_total). kopf counts none of
its own there, so the API server is asked as well: nobody else writes tasks and Jobs here, and what
it counted, less what the benchmark has sent, is what operator and kopf together have written.
The status of the pool and the Lease belong to no task: the one is written every two seconds at
most, and is a row of its own here; the other's renewals are a row of `scale`.

A machine that is busy answers late, whoever asks. So how busy it is stands beside the times, and
so does the API server's own way without an operator on it: from sending a task until the
benchmark's own watch tells of it, which created -> Job contains twice. A second, slower pace shows
what the operator does where there is room.
"""

import argparse
import asyncio
import os
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cluster_api import TASKS, Api
from darkroom_core.conditions import State
from figures import Figure, bounded, compared, none_allowed, percentile
from operator_process import OperatorProcess, machine_cpu_seconds, operator_process
from pace import background, create_paced
from sightings import Sightings, follow_jobs, follow_rows, follow_tasks
from stand_ins import StandIns
from surroundings import NAMESPACE, Surroundings, surroundings, without_controllers
from tasks import task

_WORKS_FOR: Final = 1.0
_TTL_SECONDS: Final = 3
_WARM_UP: Final = 40
_PATIENCE_SECONDS: Final = 120.0
_WRITES: Final = re.compile(
    r'apiserver_request_total\{.*code="2.*resource="(\w+)",scope="\w*",subresource="(\w*)"'
    r'.*verb="(POST|PUT|PATCH|APPLY|DELETE)".*\} (\S+)'
)
# The benchmark's own: it makes tasks, and plays what writes the statuses of Jobs and pods.
_OWN: Final = frozenset({"POST processingtasks", "PATCH jobs/status"})
_POOL_STATUS: Final = "APPLY processorpools/status"
_RESOURCES: Final = frozenset({"processingtasks", "jobs", "events", "processorpools"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what can be told."""
    parser.add_argument("--paced-tasks", type=int, default=800, help="tasks of `latency`")
    parser.add_argument("--pace", type=float, default=20, help="tasks a second of `latency`")
    parser.add_argument(
        "--slow-pace", type=float, default=8, help="the same, with room on the machine"
    )


def measure(options: argparse.Namespace) -> list[Figure]:
    """Return the figures."""
    paces = (options.slow_pace, options.pace)
    return asyncio.run(_measure(options.state / "bench", options.paced_tasks, paces))


async def _measure(state: Path, count: int, paces: Sequence[float]) -> list[Figure]:
    async with surroundings(state) as around:
        seen = Sightings()
        with (
            without_controllers(around.node),
            operator_process(
                around.kubeconfig, NAMESPACE, around.database_url, around.log
            ) as operator,
        ):
            await operator.until_ready()
            async with background(
                operator.stays(),
                follow_tasks(around.api, seen),
                follow_jobs(around.api, seen),
                follow_rows(around.database_url, seen),
                StandIns(around.api, seen, _WORKS_FOR).run(),
            ):
                figures: list[Figure] = []
                await _run(around, seen, _WARM_UP, paces[0], name="warm-up")
                for pace in paces:
                    seen.clear()
                    figures += await _times(around, seen, count, pace)
                seen.clear()
                return figures + await _writes(around, operator, seen, count, paces[-1])


async def _times(around: Surroundings, seen: Sightings, count: int, pace: float) -> list[Figure]:
    at = f"at {pace:.0f} tasks/s"
    machine, began = machine_cpu_seconds(), time.monotonic()
    await _run(around, seen, count, pace, name=f"paced-{pace:.0f}", until_gone=False)
    busy = (machine_cpu_seconds() - machine) / (time.monotonic() - began) / (os.cpu_count() or 1)
    await seen.until("gone", list(seen.of("created")), _PATIENCE_SECONDS)
    jobs, own_way = seen.gaps("created", "job"), seen.gaps("created", State.QUEUED)
    resources, rows = seen.gaps("end", "final"), seen.gaps("end", "recorded")
    return [
        Figure(f"CPUs of the machine, {at}", busy * 100, "% busy"),
        bounded(f"created -> Job p99, {at}", percentile(jobs, 99) * 1000, "ms", 250),
        compared(
            f"created -> Job p99, {at}, of it",
            *(percentile(jobs, 99) * 1000, "ms", percentile(own_way, 99) * 1000),
            of="created -> seen, p99",
        ),
        bounded(f"pod end -> resource p99, {at}", percentile(resources, 99) * 1000, "ms", 500),
        bounded(f"pod end -> Postgres p99, {at}", percentile(rows, 99) * 1000, "ms", 500),
        Figure(f"created -> Job p50, {at}", percentile(jobs, 50) * 1000, "ms"),
        Figure(f"pod end -> resource p50, {at}", percentile(resources, 50) * 1000, "ms"),
        Figure(f"pod end -> Postgres p50, {at}", percentile(rows, 50) * 1000, "ms"),
        none_allowed(
            f"tasks that did not succeed, {at}", count - len(seen.of("succeeded")), "tasks"
        ),
    ]


async def _writes(
    around: Surroundings, operator: OperatorProcess, seen: Sightings, count: int, pace: float
) -> list[Figure]:
    before, own_before = operator.writes(), await _written(around.api)
    answers = operator.answers()
    cpu, began = operator.cpu_seconds(), time.monotonic()
    await _run(around, seen, count, pace)
    cpu, seconds = operator.cpu_seconds() - cpu, time.monotonic() - began
    # The last write may be answered a moment after the task's deletion was seen.
    await asyncio.sleep(1)
    writes = operator.writes() - before
    written = await _written(around.api) - own_before
    print("  answered by the API server:", dict(written))
    print("  answered to the operator:", dict(operator.answers() - answers))
    others = sum(n for what, n in written.items() if what not in _OWN)
    pools = written[_POOL_STATUS]
    return [
        bounded("operator's writes per task", (writes - pools) / count, "writes", 4),
        Figure("the same, as the API server counts", (others - pools) / count, "writes"),
        Figure("writes of the pool's status", pools / seconds, "per s"),
        Figure("operator's CPU per task", cpu / count * 1000, "ms"),
    ]


async def _run(  # noqa: PLR0913  # what a run is told
    around: Surroundings,
    seen: Sightings,
    count: int,
    pace: float,
    *,
    name: str = "paced",
    until_gone: bool = True,
) -> None:
    """Make the tasks and wait until each has ended, is recorded, and is deleted after its TTL."""
    manifests = [task(f"{name}-{i:05}", ttlSecondsAfterFinished=_TTL_SECONDS) for i in range(count)]
    uids = await create_paced(around.api, TASKS, manifests, seen, pace)
    await seen.until("recorded", uids, _PATIENCE_SECONDS)
    if until_gone:
        await seen.until("gone", uids, _PATIENCE_SECONDS)


async def _written(api: Api) -> Counter[str]:
    """Count what the API server has answered, by verb and resource, but for pods and leases."""
    counts: Counter[str] = Counter()
    for resource, subresource, verb, number in _WRITES.findall(await api.metrics()):
        if resource in _RESOURCES:
            what = f"{verb} {resource}" + (f"/{subresource}" if subresource else "")
            counts[what] += int(float(number))
    return counts
