"""What the operator has measured after tasks have gone their way, as a scrape would show it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from darkroom_core.task import TaskStatus
from darkroom_operator.children import read_job, read_pod
from darkroom_operator.complaints import Complaints
from darkroom_operator.desired.job import Processor, job_for
from darkroom_operator.events import Events
from darkroom_operator.informer import Informer
from darkroom_operator.metrics.words import Words
from darkroom_operator.mirror import PostgresMirror
from darkroom_operator.observe import Observer
from darkroom_operator.pools import Pools
from darkroom_operator.postgres import Postgres
from darkroom_operator.recipes import Recipes
from darkroom_operator.reconcile import Reconciler
from darkroom_operator.resync import Resync
from darkroom_operator.stops import Stops
from darkroom_operator.store import Tasks
from darkroom_operator.testing import (
    FakeCluster,
    FakeMirror,
    at,
    raw_pod,
    raw_pool,
    raw_task,
    running,
    terminated,
)
from darkroom_operator.workqueue import WorkQueue
from prometheus_client import REGISTRY, generate_latest

REPORT = {
    "source": {
        "format": "heic",
        "width": 4000,
        "height": 3000,
        "bytes": 1_000_000,
        "sha256": "00",
    },
    "outputs": [{"name": "thumb", "format": "webp", "bytes": 2000, "sha256": "00"}],
    "timings": {"fetch": 12, "decode": 400, "render": 0, "encode": 40, "store": 9},
    "peakMemoryBytes": 90_000_000,
    "readBytes": 1_500_000,
}
FAILURE = {"error": {"code": "storage_unreachable", "message": "It is away.", "retryable": True}}
TRY_AGAIN = 75


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


class Gained:
    """By how much samples have grown since: the registry is the process's."""

    def __init__(self) -> None:
        self._before = self._samples()

    def __call__(self, name: str, **labels: str) -> float:
        key = (name, frozenset(labels.items()))
        return self._samples().get(key, 0) - self._before.get(key, 0)

    @staticmethod
    def _samples() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        return {
            (each.name, frozenset(each.labels.items())): each.value
            for family in REGISTRY.collect()
            for each in family.samples
        }


class World:
    """The operator's parts around a fake cluster and a fake history."""

    def __init__(self, before: "World | None" = None) -> None:
        self.cluster: FakeCluster = before.cluster if before else FakeCluster()
        self.mirror: FakeMirror = before.mirror if before else FakeMirror()
        self.tasks, self.queue = Tasks(), WorkQueue()
        self.tasks.is_synced.set()
        self.now = at("00:00:30")
        self.jobs = Informer(self.cluster, "jobs", read_job, self.queue.add)
        self.pods = Informer(self.cluster, "pods", read_pod, self.queue.add)
        self.pools = Pools(self.cluster, self.tasks, self.queue, lambda: self.now)
        recipes = Recipes(self.cluster, self.queue)
        self.informers = (self.jobs, self.pods, self.pools.informer, recipes.informer)
        self.reconciler = Reconciler(
            tasks=self.tasks,
            observer=Observer(
                *(self.jobs, self.pods, self.pools.informer, recipes, self.mirror),
                complaints=Complaints(self.cluster),
            ),
            admission=self.pools.admission,
            cluster=self.cluster,
            mirror=self.mirror,
            stops=Stops(self.cluster),
            events=Events(self.cluster, lambda: self.now),
            queue=self.queue,
            job_for=lambda task, spec, start, _: job_for(
                task, spec, start, Processor("processor:1"), "{}"
            ),
            clock=lambda: self.now,
        )
        self.resync = Resync(
            *(self.cluster, self.mirror, self.tasks, self.queue),
            namespace="media",
            clock=lambda: self.now,
        )

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        parts = [asyncio.create_task(informer.run()) for informer in self.informers]
        await self.reconciler.synced()
        parts.append(asyncio.create_task(self.reconciler.work()))
        try:
            yield
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    def submit(self, name: str = "a", **spec: Any) -> None:
        raw = self.cluster.put("tasks", raw_task(name, **spec))
        self.tasks.remember(raw)
        self.queue.add(raw["metadata"]["uid"])

    def pod(self, state: dict[str, Any], phase: str = "Running", **more: Any) -> None:
        self.cluster.put("pods", raw_pod(state=state, phase=phase, **more))

    def delete(self, name: str = "a") -> None:
        self.cluster.remove("tasks", f"uid-{name}")
        self.tasks.lost([f"uid-{name}"])
        self.queue.add(f"uid-{name}")

    async def until(self, write: str) -> None:
        """Wait until the cluster has been written to so: `status failed`, say."""
        async with asyncio.timeout(5):
            while write not in self.cluster.writes:  # noqa: ASYNC110  # polled
                await asyncio.sleep(0.001)

    async def until_forgotten(self, name: str = "a") -> None:
        async with asyncio.timeout(5):
            while self.tasks.get(f"uid-{name}"):  # noqa: ASYNC110  # polled
                await asyncio.sleep(0.001)


@pytest.fixture
def world() -> World:
    return World()


def in_state(state: str, pool: str, priority: str = "Default") -> float | None:
    labels = {"state": state, "pool": f"media/{pool}", "priority": priority}
    return REGISTRY.get_sample_value("darkroom_tasks", labels)


def test_a_task_is_counted_in_one_state_at_a_time_and_not_at_all_once_it_is_gone() -> None:
    tasks = Tasks()
    raw = raw_task(pool="one", priority="Critical", status={"state": "queued"})
    tasks.remember(raw)
    assert in_state("queued", "one", "Critical") == 1
    tasks.wrote("uid-a", TaskStatus.model_validate({"state": "running"}), "2")
    assert in_state("queued", "one", "Critical") == 0
    assert in_state("running", "one", "Critical") == 1
    raw["metadata"]["resourceVersion"] = "3"
    tasks.remember({**raw, "status": {"state": "succeeded"}})
    assert in_state("running", "one", "Critical") == 0
    assert in_state("succeeded", "one", "Critical") == 1
    tasks.lost(["uid-a"])
    assert in_state("succeeded", "one", "Critical") is None
    tasks.forget("uid-a")
    tasks.forget("uid-a")
    assert b"media/one" not in generate_latest(REGISTRY)


def test_tasks_that_nobody_has_looked_at_are_queued_in_the_default_pool() -> None:
    tasks = Tasks()
    before = in_state("queued", "default") or 0
    for name in ("a", "b"):
        tasks.remember(raw_task(name))
    tasks.remember(raw_task("c", status={"state": "of another version"}))
    assert in_state("queued", "default") == before + 3
    for name in ("a", "b", "c"):
        tasks.forget(f"uid-{name}")
    assert (in_state("queued", "default") or 0) == before


async def test_the_way_of_a_task_is_measured_once(world: World) -> None:
    gained = Gained()
    async with world.at_work():
        world.submit(type="Image", priority="Low")
        world.pod(running())
        await world.until("status running")
        world.pod(terminated(0, json.dumps(REPORT)), "Succeeded")
        await world.until("status succeeded")
    restarted = World(before=world)
    async with restarted.at_work():
        await restarted.resync.once()
        restarted.delete()
        await restarted.until_forgotten()
    queue = {"pool": "media/default", "priority": "Low"}
    assert gained("darkroom_task_queue_duration_seconds_count", **queue) == 1
    assert gained("darkroom_task_queue_duration_seconds_sum", **queue) == 10
    way = {"type": "Image", "result": "succeeded"}
    assert gained("darkroom_task_duration_seconds_count", **way) == 1
    assert gained("darkroom_task_duration_seconds_sum", **way) == 20
    for to, reason in (("running", "Running"), ("succeeded", "Processed")):
        assert gained("darkroom_task_transitions_total", to=to, reason=reason) == 1
    assert gained("darkroom_task_cancels_total") == 0


async def test_a_report_tells_what_the_processor_did(world: World) -> None:
    gained = Gained()
    async with world.at_work():
        world.submit()
        world.pod(terminated(0, json.dumps(REPORT)), "Succeeded")
        await world.until("status succeeded")
    assert gained("darkroom_processor_step_seconds_sum", step="decode") == pytest.approx(0.4)
    assert gained("darkroom_processor_step_seconds_count", step="encode") == 1
    assert gained("darkroom_processor_step_seconds_count", step="render") == 0
    assert gained("darkroom_processor_peak_memory_bytes_sum") == 90_000_000
    assert gained("darkroom_processor_megapixels_sum") == 12
    assert gained("darkroom_processor_bytes_total", direction="read") == 1_500_000
    assert gained("darkroom_processor_bytes_total", direction="written") == 2000
    assert gained("darkroom_processor_files_total", direction="read", format="heic") == 1
    assert gained("darkroom_processor_files_total", direction="written", format="webp") == 1


async def test_a_processor_that_tells_less_is_measured_by_what_it_tells(world: World) -> None:
    gained = Gained()
    told = {name: REPORT[name] for name in ("source", "outputs")}
    async with world.at_work():
        world.submit()
        world.pod(terminated(0, json.dumps(told)), "Succeeded")
        await world.until("status succeeded")
    assert gained("darkroom_processor_bytes_total", direction="read") == 1_000_000
    assert gained("darkroom_processor_peak_memory_bytes_count") == 0


async def test_a_task_that_is_deleted_while_it_runs_is_a_cancel(world: World) -> None:
    gained = Gained()
    async with world.at_work():
        world.submit(pool="default", type="Image")
        world.pod(running())
        await world.until("status running")
        world.delete()
        await world.until_forgotten()
        world.queue.add("uid-a")
    assert gained("darkroom_task_cancels_total") == 1
    assert gained("darkroom_task_transitions_total", to="canceled", reason="Deleted") == 1
    way = {"type": "Image", "result": "canceled"}
    assert gained("darkroom_task_duration_seconds_sum", **way) == 30


async def test_a_row_without_its_resource_is_a_cancel(world: World) -> None:
    gained = Gained()
    world.mirror.rows = [("uid-z", "media", "z")]
    assert await world.resync.once()
    assert gained("darkroom_task_cancels_total") == 1


async def test_a_try_that_another_follows_is_a_retry_and_the_last_one_a_dead_letter(
    world: World,
) -> None:
    gained = Gained()
    failed = terminated(TRY_AGAIN, json.dumps(FAILURE | {"peakMemoryBytes": 1}))
    async with world.at_work():
        world.submit(retries=1, backoff={"initialSeconds": 0})
        world.pod(failed, "Failed")
        await world.until("status running")
        retries = {"reason": "storage_unreachable"}
        assert gained("darkroom_task_retries_total", **retries) == 1
        world.pod(failed, "Failed", number=2)
        await world.until("status failed")
    assert gained("darkroom_task_retries_total", **retries) == 1
    assert gained("darkroom_dead_letters_total", reason="RetriesExhausted") == 1
    assert gained("darkroom_processor_peak_memory_bytes_count") == 2


async def test_a_disrupted_try_is_a_retry_for_that_reason(world: World) -> None:
    gained = Gained()
    async with world.at_work():
        world.submit()
        world.pod(terminated(143), "Failed", conditions={"DisruptionTarget": "True"})
        await world.until("status running")
    assert gained("darkroom_task_retries_total", reason="disrupted") == 1


def test_dead_letters_are_there_before_the_first_one() -> None:
    for reason in ("RetriesExhausted", "DeadlineExceeded"):
        labels = {"reason": reason}
        assert REGISTRY.get_sample_value("darkroom_dead_letters_total", labels) is not None


async def test_pools_are_shown_while_they_are_there_or_tasks_wait_for_them(world: World) -> None:
    world.cluster.put("pools", raw_pool("small", replicas=1))
    async with world.at_work():
        for name in ("a", "b"):
            world.submit(name, pool="small")
        world.submit("c")
        await _until_started(world, 2)
        await world.pools.tell_all()
        small = {"pool": "media/small"}
        assert sample("darkroom_pool_replicas", **small) == 1
        assert sample("darkroom_pool_running", **small) == 1
        assert sample("darkroom_pool_waiting", **small) == 1
        assert sample("darkroom_oldest_waiting_seconds", **small) == 30
        assert sample("darkroom_pool_running", pool="media/default") == 1
        assert sample("darkroom_pool_replicas", pool="media/default") == 100
        for name in ("a", "b", "c"):
            world.delete(name)
            await world.until_forgotten(name)
        world.cluster.remove("pools", "uid-small")
        async with asyncio.timeout(5):
            while world.pools.informer.one("media/small"):  # noqa: ASYNC110  # polled
                await asyncio.sleep(0.001)
        await world.pools.tell_all()
    text = generate_latest(REGISTRY).decode()
    pools = [line for line in text.splitlines() if line.startswith("darkroom_pool_")]
    assert not [line for line in pools if "media/" in line]
    assert "darkroom_oldest_waiting_seconds{" not in text


async def _until_started(world: World, number: int) -> None:
    async with asyncio.timeout(5):
        while len(world.cluster.objects["jobs"]) < number:  # noqa: ASYNC110  # polled
            await asyncio.sleep(0.001)


async def test_the_lag_of_the_mirror_grows_while_nothing_happens() -> None:
    mirror = PostgresMirror(Postgres("postgresql://nobody@127.0.0.1:1/none"), lambda _: None)
    assert sample("darkroom_status_mirror_lag_seconds") == 0
    mirror.submit({"uid": "uid-a", "status": "running"})
    mirror.submit({"uid": "uid-a", "status": "succeeded"})
    assert sample("darkroom_status_mirror_pending") == 1
    async with asyncio.timeout(5):
        while not sample("darkroom_status_mirror_lag_seconds"):  # noqa: ASYNC110  # polled
            await asyncio.sleep(0.001)


def test_words_that_others_choose_are_no_more_than_so_many() -> None:
    words = Words(most=2)
    assert [words.of(word) for word in ("a", "b", "c", "a")] == ["a", "b", "other", "a"]


@pytest.mark.parametrize("word", ["", "a b", "x" * 64, 'quote"', "läuft"])
def test_what_is_no_word_is_no_label(word: str) -> None:
    assert Words().of(word) == "other"
