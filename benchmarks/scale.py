"""What 5,000 live tasks cost the operator: memory, a look at everything, and doing nothing.

Each task runs: it has its Job and its pod, so the operator holds as much of it as it ever does.
The API server, etcd and Postgres are real; pods are played (stand_ins.py), for Kubernetes'
controllers would take a quarter of an hour to make them.

Two operators are measured, one after the other: one that saw the tasks come, and one that is
started when they are there and looks at all of them every few seconds. A look has ended when every
task has been reconciled and none waits; it began when the pause after the one before was over.
"""

import argparse
import asyncio
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cluster_api import TASKS
from figures import Figure, bounded, none_allowed
from operator_process import OperatorProcess, operator_process
from pace import background, create_paced
from sightings import Sightings, follow_tasks
from stand_ins import StandIns
from surroundings import NAMESPACE, Surroundings, surroundings, without_controllers
from tasks import task
from waiting import until

_MB: Final = 1_000_000
_BASE_BYTES: Final = 120 * _MB
_BYTES_PER_TASK: Final = 12_000
_FILL_PER_SECOND: Final = 40.0
_SETTLE_SECONDS: Final = 5.0
_IDLE_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 15
_LOOKS: Final = 3
_USUAL_PAUSE_SECONDS: Final = 120
_PATIENCE_SECONDS: Final = 600.0
_TICK_SECONDS: Final = 0.1
_RECONCILED: Final = ("controller_runtime_reconcile_total", 'controller="processingtask"')
_WAITING: Final = "workqueue_depth"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what can be told."""
    parser.add_argument("--live-tasks", type=int, default=5000, help="tasks of `scale`")


def measure(options: argparse.Namespace) -> list[Figure]:
    """Return the figures."""
    return asyncio.run(_measure(options.state / "bench", options.live_tasks))


async def _measure(state: Path, count: int) -> list[Figure]:
    async with surroundings(state, places=2 * count) as around:
        with without_controllers(around.node):
            with _operator(around, pause=3600) as operator:
                await operator.until_ready()
                empty = await _idle("idle, without tasks", operator)
                bare = operator.resident_bytes()
                await _fill(around, operator, count)
                full = await _idle("idle", operator)
                grown = operator.resident_bytes()
            with _operator(around, pause=_PAUSE_SECONDS) as operator:
                looks = await _look_at_all(operator, count)
                restarted = operator.resident_bytes()
    held = max(grown, restarted)
    bound = _BASE_BYTES + _BYTES_PER_TASK * count
    of = "120 MB + 12 KB per task"
    many = f"{count} tasks"
    return [
        bounded(f"resident memory, {many}", held / _MB, "MB", bound / _MB, of),
        Figure("resident memory, no task", bare / _MB, "MB"),
        Figure("resident memory per task", (held - bare) / count / 1000, "KB"),
        bounded(f"full resync, {many}", looks.seconds, "s", 10),
        Figure(f"start until all looked at, {many}", looks.first_seconds, "s"),
        bounded("idle CPU, no task", empty.cpu_percent, "% core", 1),
        bounded(f"idle CPU, {many}", full.cpu_percent, "% core", 1),
        Figure(
            f"CPU of a resync per {_USUAL_PAUSE_SECONDS} s, {many}",
            looks.cpu_seconds / _USUAL_PAUSE_SECONDS * 100,
            "% core",
        ),
        none_allowed(
            "writes when nothing changes", empty.writes + full.writes + looks.writes, "writes"
        ),
        Figure("renewals of the Lease", full.renewals_per_second, "per s"),
    ]


def _operator(around: Surroundings, *, pause: float) -> AbstractContextManager[OperatorProcess]:
    return operator_process(
        around.kubeconfig,
        NAMESPACE,
        around.database_url,
        around.log,
        resync_seconds=str(pause),
    )


async def _fill(around: Surroundings, operator: OperatorProcess, count: int) -> None:
    """Make the tasks and wait until each is seen to run."""
    seen = Sightings()
    async with background(
        operator.stays(),
        follow_tasks(around.api, seen),
        StandIns(around.api, Sightings(), None).run(),
    ):
        manifests = [task(f"live-{i:05}", deadlineSeconds=86_400) for i in range(count)]
        uids = await create_paced(around.api, TASKS, manifests, seen, _FILL_PER_SECOND)
        await seen.until("running", uids, _PATIENCE_SECONDS)


@dataclass(frozen=True)
class _Idle:
    """What a while cost in which nothing happened."""

    cpu_percent: float
    writes: int
    renewals_per_second: float


async def _idle(name: str, operator: OperatorProcess) -> _Idle:
    print(f"  {name}: {_IDLE_SECONDS:.0f} s", flush=True)
    await asyncio.sleep(_SETTLE_SECONDS)
    writes, renewals = operator.writes(), operator.renewals()
    cpu, began = operator.cpu_seconds(), time.monotonic()
    await asyncio.sleep(_IDLE_SECONDS)
    used, passed = operator.cpu_seconds() - cpu, time.monotonic() - began
    renewed = operator.renewals() - renewals
    return _Idle(used / passed * 100, operator.writes() - writes, renewed / passed)


@dataclass(frozen=True)
class _Looks:
    """What looking at everything takes: the first time, and the longest of some others."""

    first_seconds: float
    seconds: float
    cpu_seconds: float
    writes: int


async def _look_at_all(operator: OperatorProcess, count: int) -> _Looks:
    began = time.monotonic()
    await operator.until_ready()
    await _until_reconciled(operator, count)
    first = time.monotonic() - began
    writes, longest, cpu_longest = operator.writes(), 0.0, 0.0
    for number in range(_LOOKS):
        print(f"\r  resync {number + 1}/{_LOOKS}", end="", flush=True)
        due = operator.resynced_at() + _PAUSE_SECONDS
        reconciled = operator.metric(*_RECONCILED)
        await asyncio.sleep(due - time.time() - _TICK_SECONDS)
        cpu = operator.cpu_seconds()
        await _until_reconciled(operator, reconciled + count)
        longest = max(longest, time.time() - due)
        cpu_longest = max(cpu_longest, operator.cpu_seconds() - cpu)
    print()
    return _Looks(first, longest, cpu_longest, operator.writes() - writes)


async def _until_reconciled(operator: OperatorProcess, total: float) -> None:
    async def is_done() -> bool:
        return operator.metric(*_RECONCILED) >= total and not operator.metric(_WAITING)

    await until(is_done, "a look at everything", seconds=_PATIENCE_SECONDS, every=_TICK_SECONDS)
