"""From DELETE until nothing works for the task any more, in each state that a task can be in.

Real pods on the real node: the processor's processes are looked for on the machine, by their pod's
control group, until the pod is gone; what counts is when one was last seen. A task that waits (for
its turn, for its next try) has no process: what counts is when its resource is gone and Postgres
has its end, and no pod of it may be seen afterwards. The processor's grace period is one second.

Then many at once, on nodes that are not there (fake_nodes.py): from each DELETE until its pod is
told to stop, beside as many raw Jobs that are deleted in the same way. Kubernetes' garbage
collector does both.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cluster_api import JOBS, PODS, TASKS, Api
from darkroom_cluster.cluster import Cluster
from darkroom_cluster.local import Local
from darkroom_cluster.release import built_image
from fake_nodes import fake_nodes
from figures import Figure, bounded, compared, none_allowed, percentile
from operator_process import operator_process
from pace import background, create_all
from processors import follow_processors
from raw_jobs import plain
from sightings import Sightings, follow_pods, follow_rows, follow_tasks, task_uid
from slow_source import slow_source
from surroundings import NAME, NAMESPACE, Surroundings, surroundings
from tasks import task
from waiting import until

_END: Final = {
    "pending": "over",
    "starting": "process gone",
    "running": "process gone",
    "retry-waiting": "over",
}
_AT_ONCE: Final = 5
_BOUND_SECONDS: Final = 2.0
_GRACE_SECONDS: Final = 1.0
_AFTERWARDS_SECONDS: Final = 3.0
_PATIENCE_SECONDS: Final = 600.0
_CLUSTER_NETWORKS: Final = '["10.0.0.0/8"]'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what can be told."""
    parser.add_argument("--cancels", type=int, default=20, help="of each state, in `cancel`")
    parser.add_argument("--cancels-at-once", type=int, default=500, help="at once, in `cancel`")


def measure(options: argparse.Namespace) -> list[Figure]:
    """Return the figures."""
    state = options.state / "bench"
    return [
        *asyncio.run(_real(state, options.cancels)),
        *asyncio.run(_many(state, options.cancels_at_once)),
    ]


async def _real(state: Path, count: int) -> list[Figure]:
    image = built_image(Path.cwd(), "processor")
    async with surroundings(state) as around:
        cluster = Cluster(NAME, "node", around.kubeconfig, "")
        Local().load_images(cluster, [image])
        settings = {"processor_image": image, "allowed_source_networks": _CLUSTER_NETWORKS}
        with operator_process(
            around.kubeconfig, NAMESPACE, around.database_url, around.log, **settings
        ) as operator:
            await operator.until_ready()
            async with slow_source(around.api, image) as url:
                return await _each_state(around, url, count)


@dataclass(frozen=True)
class _Rig:
    """What is canceled, and what tells of it."""

    api: Api
    seen: Sightings
    pods: dict[str, str]
    """UIDs of pods by those of their tasks."""
    at_work: dict[str, float]
    """When a processor was last seen on the machine, by its pod's UID."""
    url: str


async def _each_state(around: Surroundings, url: str, count: int) -> list[Figure]:
    rig = _Rig(around.api, Sightings(), {}, {}, url)
    seen = rig.seen
    async with background(
        follow_tasks(around.api, seen),
        follow_pods(around.api, seen),
        follow_rows(around.database_url, seen),
        _follow_pod_uids(rig),
        follow_processors(rig.at_work),
    ):
        ends = {state: await _cancel_some(rig, state, count) for state in _END}
        await asyncio.sleep(_AFTERWARDS_SECONDS)
    recorded = seen.of("recorded")
    late = [uid for uid, at in seen.of("pod").items() if at > recorded.get(uid, at)]
    bound, of = _BOUND_SECONDS + _GRACE_SECONDS, "2 s + 1 s of grace"
    return [
        *(
            bounded(f"DELETE -> {end} p99, {state}", percentile(ends[state], 99), "s", bound, of)
            for state, end in _END.items()
        ),
        *(
            Figure(f"DELETE -> {end} p50, {state}", percentile(ends[state], 50), "s")
            for state, end in _END.items()
        ),
        none_allowed("pods that came after a cancel", len(late), "pods"),
    ]


async def _cancel_some(rig: _Rig, state: str, count: int) -> list[float]:
    seconds: list[float] = []
    while len(seconds) < count:
        print(f"\r  {state}: {len(seconds)}/{count}", end="", flush=True)
        wave = range(len(seconds), min(len(seconds) + _AT_ONCE, count))
        names = [f"{state}-{number:03}" for number in wave]
        uids = await create_all(rig.api, TASKS, [_manifest(name, state, rig.url) for name in names])
        pairs = zip(names, uids, strict=True)
        seconds += await asyncio.gather(*(_cancel(rig, state, name, uid) for name, uid in pairs))
    print(f"\r  {state}: {len(seconds)}/{count}", flush=True)
    return seconds


def _manifest(name: str, state: str, url: str) -> dict[str, Any]:
    if state == "pending":
        return task(name, suspend=True)
    if state == "retry-waiting":
        backoff = {"initialSeconds": 600, "maxSeconds": 600}
        return task(name, source={"url": f"{url}/away"}, backoff=backoff)
    return task(name, source={"url": f"{url}/slow"})


async def _cancel(rig: _Rig, state: str, name: str, uid: str) -> float:
    """Cancel a task that is in this state; return the seconds until nothing works for it."""
    await _reached(rig, state, name, uid)
    deleted = time.monotonic()
    await rig.api.delete(TASKS, name)
    if state in {"pending", "retry-waiting"}:
        await _sights(rig, uid, "gone", "recorded")
        return max(rig.seen.of("gone")[uid], rig.seen.of("recorded")[uid]) - deleted
    await _sights(rig, uid, "pod gone", "recorded")
    return max(rig.at_work.get(rig.pods[uid], deleted) - deleted, 0)


async def _reached(rig: _Rig, state: str, name: str, uid: str) -> None:
    if state == "pending":
        # Long enough for the operator to have seen it and to have left it alone.
        await asyncio.sleep(1)
    elif state == "starting":

        async def has_pod() -> bool:
            return uid in rig.pods

        await until(has_pod, f"the pod of {name}", every=0.002)
    elif state == "running":

        async def works() -> bool:
            return rig.pods.get(uid) in rig.at_work

        await until(works, f"the processor of {name}")
    else:

        async def waits() -> bool:
            found = await rig.api.call("GET", rig.api.path(TASKS, name))
            return "nextTryAt" in found.get("status", {})

        await until(waits, f"the wait of {name} for its next try")


async def _sights(rig: _Rig, uid: str, *sights: str) -> None:
    async def all_seen() -> bool:
        return all(uid in rig.seen.of(sight) for sight in sights)

    what = f"{' and '.join(sights)} of task {uid}"
    await until(all_seen, what, seconds=_PATIENCE_SECONDS, every=0.005)


async def _follow_pod_uids(rig: _Rig) -> None:
    async for _, pod in rig.api.watch(PODS):
        rig.pods[task_uid(pod)] = pod["metadata"]["uid"]


async def _many(state: Path, count: int) -> list[Figure]:
    async with (
        surroundings(state) as around,
        fake_nodes(around.api, around.node.kubeconfig, state, works_for=None),
    ):
        with operator_process(
            around.kubeconfig, NAMESPACE, around.database_url, around.log
        ) as operator:
            await operator.until_ready()
            seen = Sightings()
            async with background(
                operator.stays(),
                follow_tasks(around.api, seen),
                follow_pods(around.api, seen),
                follow_rows(around.database_url, seen),
            ):
                names = [f"many-{i:04}" for i in range(count)]
                uids = await create_all(around.api, TASKS, [task(name) for name in names])
                await seen.until("running", uids, _PATIENCE_SECONDS)
                job = (await around.api.items(around.api.path(JOBS)))[0]
                deleted = await _delete_all(around, TASKS, names)
                await seen.until("pod gone", uids, _PATIENCE_SECONDS)
                await seen.until("recorded", uids, _PATIENCE_SECONDS)
                sent = dict(zip(uids, (deleted[name] for name in names), strict=True))
                stops = _since(sent, seen.of("pod told to stop"))
                records = _since(sent, seen.of("recorded"))
                raw = await _raw(around, seen, plain(job["spec"]), count)
    name = f"{count} cancels at once"
    return [
        bounded(f"{name}, DELETE -> Postgres p99", percentile(records, 99), "s", _BOUND_SECONDS),
        bounded(f"{name}, DELETE -> stop p99", percentile(stops, 99), "s", _BOUND_SECONDS),
        compared(
            f"{name}, the same beside raw Jobs", percentile(stops, 99), "s", percentile(raw, 99)
        ),
    ]


async def _raw(
    around: Surroundings, seen: Sightings, spec: dict[str, Any], count: int
) -> list[float]:
    names = [f"raw-{i:04}" for i in range(count)]
    manifests = [{"metadata": {"name": name}, "spec": spec} for name in names]
    await create_all(around.api, JOBS, manifests)
    await seen.until("pod running", names, _PATIENCE_SECONDS)
    deleted = await _delete_all(around, JOBS, names)
    await seen.until("pod told to stop", names, _PATIENCE_SECONDS)
    return _since(deleted, seen.of("pod told to stop"))


async def _delete_all(
    around: Surroundings, kind: tuple[str, str], names: Sequence[str]
) -> dict[str, float]:
    """Delete all at once; return when each request was sent."""
    sent: dict[str, float] = {}

    async def delete(name: str) -> None:
        sent[name] = time.monotonic()
        await around.api.delete(kind, name)

    await asyncio.gather(*(delete(name) for name in names))
    return sent


def _since(sent: dict[str, float], seen: dict[str, float]) -> list[float]:
    return [seen[key] - at for key, at in sent.items()]
