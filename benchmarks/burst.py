"""A burst of tasks beside as many raw Jobs, on nodes that are not there.

Everything of Kubernetes is real but the kubelets (fake_nodes.py): its Job controller does 20
requests a second, and bounds both sides alike. Both sides are created at the same rate by the same
client and run the same pod; they take turns, raw, tasks, tasks, raw, and nothing is cleared in
between, so that neither has the emptier cluster. A raw Job has ended when it is seen Complete, a
task when its resource is seen final, which has to be succeeded.

In a burst the time of a task is the length of the queue before it. Whether tasks get slower with
the number of finished ones is therefore asked of what the operator does by itself: in the second
round of tasks, when those of the first are finished and still there, beside the first round. What
the API server takes without an operator, from a POST to the news of it, stands beside that: both
are slower where the machine is busier.
"""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from cluster_api import JOBS, TASKS
from darkroom_core.conditions import State
from fake_nodes import fake_nodes
from figures import Figure, compared, none_allowed, percentile
from operator_process import operator_process
from pace import background, create_paced
from raw_jobs import plain
from sightings import Sightings, follow_jobs, follow_pods, follow_rows, follow_tasks
from surroundings import NAMESPACE, Surroundings, surroundings
from tasks import task

_WORKS_FOR: Final = 1.0
_MOST_GROWTH: Final = 1.2
_TTL_SECONDS: Final = 86_400
_PATIENCE_SECONDS: Final = 1200.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what can be told."""
    parser.add_argument(
        "--burst-tasks",
        type=int,
        default=600,
        help="tasks of `burst`, and as many raw Jobs; the target speaks of 2000",
    )
    parser.add_argument("--burst-pace", type=float, default=20, help="created a second in `burst`")


def measure(options: argparse.Namespace) -> list[Figure]:
    """Return the figures."""
    return asyncio.run(_measure(options.state / "bench", options.burst_tasks, options.burst_pace))


async def _measure(state: Path, count: int, pace: float) -> list[Figure]:
    async with (
        surroundings(state) as around,
        fake_nodes(around.api, around.node.kubeconfig, state, works_for=_WORKS_FOR),
    ):
        with operator_process(
            around.kubeconfig, NAMESPACE, around.database_url, around.log
        ) as operator:
            await operator.until_ready()
            seen = Sightings()
            async with background(
                operator.stays(),
                follow_tasks(around.api, seen),
                follow_jobs(around.api, seen),
                follow_pods(around.api, seen),
                follow_rows(around.database_url, seen),
            ):
                spec = await _template(around, seen)
                seconds, rounds = await _take_turns(around, seen, spec, count // 2, pace)
    return _figures(seen, seconds, rounds, count)


async def _template(around: Surroundings, seen: Sightings) -> dict[str, Any]:
    """Run one task and return its Job's spec: the raw Jobs do just the same work."""
    uids = await create_paced(around.api, TASKS, [task("first")], Sightings(), 1)
    await seen.until("recorded", uids, 60)
    (job,) = await around.api.items(around.api.path(JOBS))
    spec: dict[str, Any] = job["spec"]
    return plain(spec)


async def _take_turns(
    around: Surroundings, seen: Sightings, spec: dict[str, Any], count: int, pace: float
) -> tuple[dict[bool, float], list[list[str]]]:
    """Return the seconds that raw Jobs (False) and tasks (True) took, and each round's tasks."""
    seconds, rounds = {False: 0.0, True: 0.0}, list[list[str]]()
    for turn, is_task in enumerate((False, True, True, False)):
        print(f"  round {turn + 1}/4: {count} {'tasks' if is_task else 'raw Jobs'}", flush=True)
        names = [f"burst-{turn}-{i:05}" for i in range(count)]
        if is_task:
            manifests = [task(name, ttlSecondsAfterFinished=_TTL_SECONDS) for name in names]
            uids = await create_paced(around.api, TASKS, manifests, seen, pace)
            began, ended = seen.of("created")[uids[0]], seen.of("final")
            await seen.until("final", uids, _PATIENCE_SECONDS)
            rounds.append(uids)
            # What still follows an end belongs to the round that it is of.
            await seen.until("recorded", uids, _PATIENCE_SECONDS)
            await seen.until("complete", uids, _PATIENCE_SECONDS)
        else:
            manifests = [{"metadata": {"name": name}, "spec": spec} for name in names]
            sent = Sightings()
            await create_paced(around.api, JOBS, manifests, sent, pace)
            began, ended = next(iter(sent.of("created").values())), seen.of("complete")
            await seen.until("complete", names, _PATIENCE_SECONDS)
            uids = names
        seconds[is_task] += max(ended[uid] for uid in uids) - began
    return seconds, rounds


def _figures(
    seen: Sightings, seconds: dict[bool, float], rounds: Sequence[Sequence[str]], count: int
) -> list[Figure]:
    failed = len(seen.of("final")) - len(seen.of("succeeded"))
    name = f"burst of {count}"
    rate, raw_rate = count / seconds[True], count / seconds[False]
    return [
        compared(f"{name}, rate", rate, "tasks/s", raw_rate, at_least=1.0),
        _growth(f"{name}, pod end -> resource p50", seen, rounds, "pod ended", "final"),
        _growth(f"{name}, created -> Job p50", seen, rounds, "created", "job"),
        _growth(f"{name}, created -> seen p50", seen, rounds, "created", State.QUEUED, at_most=0),
        none_allowed(f"{name}, tasks that did not succeed", failed, "tasks"),
    ]


def _growth(  # noqa: PLR0913  # of what, and from where to where
    name: str,
    seen: Sightings,
    rounds: Sequence[Sequence[str]],
    first: str,
    second: str,
    *,
    at_most: float = _MOST_GROWTH,
) -> Figure:
    """Return what a step took in the last round, beside the first."""
    before, after = (
        percentile(seen.gaps(first, second, uids), 50) * 1000 for uids in (rounds[0], rounds[-1])
    )
    of = "first half (this: second)"
    return compared(name, after, "ms", before, of=of, at_most=at_most)
