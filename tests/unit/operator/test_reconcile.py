import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from darkroom_core import names
from darkroom_core.names import job_name
from darkroom_core.task import TaskSpec
from darkroom_operator.children import read_job, read_pod
from darkroom_operator.complaints import Complaints
from darkroom_operator.decide import Start
from darkroom_operator.desired.job import Processor, job_for
from darkroom_operator.errors import RefusedError
from darkroom_operator.events import Events
from darkroom_operator.health import Health, StuckError
from darkroom_operator.informer import Informer
from darkroom_operator.observe import Observer
from darkroom_operator.pools import Pools
from darkroom_operator.recipes import Recipes
from darkroom_operator.reconcile import Reconciler
from darkroom_operator.resync import Resync
from darkroom_operator.stops import Stops
from darkroom_operator.store import Tasks
from darkroom_operator.task import Task
from darkroom_operator.testing import (
    REPORT,
    FakeCluster,
    FakeMirror,
    at,
    raw_pod,
    raw_pool,
    raw_recipe,
    raw_task,
    running,
    terminated,
)
from darkroom_operator.workqueue import WorkQueue

JOB = job_name("a", "uid-a")


def build(task: Task, spec: TaskSpec, start: Start, _: datetime) -> dict[str, Any]:
    return job_for(task, spec, start, Processor("processor:1"), "{}")


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
        self.recipes = Recipes(self.cluster, self.queue)
        self.stops = Stops(self.cluster)
        self.reconciler = Reconciler(
            tasks=self.tasks,
            observer=Observer(
                *(self.jobs, self.pods, self.pools.informer, self.recipes, self.mirror),
                complaints=Complaints(self.cluster),
            ),
            admission=self.pools.admission,
            cluster=self.cluster,
            mirror=self.mirror,
            stops=self.stops,
            events=Events(self.cluster, lambda: self.now),
            queue=self.queue,
            job_for=build,
            clock=lambda: self.now,
        )
        self.resync = Resync(
            self.cluster,
            self.mirror,
            self.tasks,
            self.queue,
            namespace="media",
            clock=lambda: self.now,
        )

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        informers = (self.jobs, self.pods, self.pools.informer, self.recipes.informer)
        parts = [informer.run() for informer in informers]
        running = [asyncio.create_task(part) for part in parts]
        await self.reconciler.synced()
        parts = [self.pools.run(), self.stops.run(), self.reconciler.work(), self.reconciler.work()]
        running += [asyncio.create_task(part) for part in parts]
        try:
            yield
        finally:
            for part in running:
                part.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def submit(self, name: str = "a", **spec: Any) -> None:
        raw = self.cluster.put("tasks", raw_task(name, **spec))
        self.tasks.remember(raw)
        self.queue.add(raw["metadata"]["uid"])

    def pod(self, state: dict[str, Any], phase: str = "Running", **more: Any) -> None:
        self.cluster.put("pods", raw_pod(state=state, phase=phase, **more))

    def pool(self, name: str = "default", **spec: Any) -> None:
        self.cluster.put("pools", raw_pool(name, **spec))

    def state(self, name: str = "a") -> str | None:
        raw = self.cluster.objects["tasks"].get(f"uid-{name}", {})
        state: str | None = raw.get("status", {}).get("state")
        return state

    async def until(self, state: str, name: str = "a") -> None:
        async with asyncio.timeout(5):
            while self.state(name) != state:  # noqa: ASYNC110  # polled
                await asyncio.sleep(0.001)

    async def until_started(self, *names: str, number: int = 1) -> None:
        wanted = {job_name(name, f"uid-{name}", number) for name in names or ("a",)}
        async with asyncio.timeout(5):
            while not wanted <= self.job_names():  # noqa: ASYNC110  # polled
                await asyncio.sleep(0.001)

    def job_names(self) -> set[str]:
        return {job["metadata"]["name"] for job in self.cluster.objects["jobs"].values()}

    def recorded(self, name: str = "a") -> str | None:
        status: str | None = self.mirror.records.get(f"uid-{name}", {}).get("status")
        return status

    async def settle(self) -> None:
        """Let everything that is due happen."""
        for _ in range(50):
            await asyncio.sleep(0.001)


@pytest.fixture
def world() -> World:
    return World()


async def test_a_task_goes_its_way_with_three_writes(world: World) -> None:
    async with world.at_work():
        world.submit()
        await world.until_started()
        world.pod(running())
        await world.until("running")
        world.pod(terminated(0, REPORT), "Succeeded")
        await world.until("succeeded")
        await world.settle()
    assert world.cluster.writes == [
        f"create job {JOB}",
        "status running",
        "status succeeded",
    ]
    assert world.recorded() == "succeeded"


async def test_a_restarted_operator_finds_the_end_it_missed(world: World) -> None:
    async with world.at_work():
        world.submit()
        await world.until_started()
    world.pod(terminated(0, REPORT), "Succeeded")
    restarted = World(before=world)
    async with restarted.at_work():
        assert await restarted.resync.once()
        await restarted.until("succeeded")
    assert restarted.recorded() == "succeeded"
    assert world.cluster.writes.count(f"create job {JOB}") == 1


async def test_a_job_that_is_deleted_by_hand_is_made_again(world: World) -> None:
    async with world.at_work():
        world.submit()
        await world.until_started()
        await world.settle()
        (uid,) = world.cluster.objects["jobs"]
        world.cluster.remove("jobs", uid)
        await world.settle()
    assert world.cluster.writes.count(f"create job {JOB}") == 2


async def test_a_refused_job_is_told_and_tried_again(world: World) -> None:
    async with world.at_work():
        world.cluster.refusal = RefusedError("exceeded quota: pods=10")
        world.submit()
        await world.until("queued")
        condition = world.cluster.objects["tasks"]["uid-a"]["status"]["conditions"][0]
        told = (condition["reason"], condition["message"])
        assert told == ("QuotaExceeded", "exceeded quota: pods=10")
        assert [event["reason"] for event in world.cluster.told] == ["QuotaExceeded"]
        world.cluster.refusal = None
        async with asyncio.timeout(5):
            while not world.cluster.objects["jobs"]:  # noqa: ASYNC110  # polled
                await asyncio.sleep(0.01)


async def test_tasks_go_on_when_the_cluster_is_back(world: World) -> None:
    async with world.at_work():
        await world.settle()
        world.submit()
        world.cluster.is_away = True
        await world.settle()
        world.cluster.is_away = False
        await world.until_started()


async def test_a_deleted_task_is_recorded_as_canceled_and_forgotten(world: World) -> None:
    async with world.at_work():
        world.submit()
        world.pod(running())
        await world.until("running")
        world.cluster.remove("tasks", "uid-a")
        world.tasks.lost(["uid-a"])
        world.queue.add("uid-a")
        await world.settle()
    assert world.recorded() == "canceled"
    assert world.tasks.get("uid-a") is None
    assert world.cluster.writes.count(f"create job {JOB}") == 1


async def test_what_a_canceled_task_was_doing_is_stopped_without_the_garbage_collector(
    world: World,
) -> None:
    async with world.at_work():
        world.submit()
        world.pod(running())
        await world.until("running")
        raw = world.cluster.objects["tasks"].pop("uid-a")
        world.tasks.lost([raw["metadata"]["uid"]])
        world.queue.add("uid-a")
        await world.settle()
    assert not any(world.cluster.objects.values())


async def test_a_finished_task_is_deleted_only_after_its_end_is_recorded(world: World) -> None:
    world.mirror.is_away = True
    async with world.at_work():
        world.submit(ttlSecondsAfterFinished=0)
        world.pod(terminated(0, REPORT), "Succeeded")
        await world.until("succeeded")
        world.queue.add("uid-a")
        await world.settle()
        assert world.state() == "succeeded"
        world.mirror.is_away = False
        world.queue.add("uid-a")
        await world.settle()
        # No watch has told of the deletion yet.
        world.queue.add("uid-a")
        await world.settle()
    assert not any(world.cluster.objects.values())
    assert world.cluster.writes.count("delete a") == 1


async def test_a_task_that_vanished_unseen_is_recorded_by_the_resync(world: World) -> None:
    async with world.at_work():
        world.submit()
        await world.until_started()
        world.cluster.remove("tasks", "uid-a")
        assert await world.resync.once()
        await world.settle()
    assert world.recorded() == "canceled"


async def test_rows_whose_resource_is_gone_are_canceled_by_the_resync(world: World) -> None:
    world.submit("here")
    world.mirror.rows = [
        ("uid-here", "media", "here"),
        ("uid-lost", "media", "lost"),
        ("uid-elsewhere", "another-namespace", "elsewhere"),
    ]
    assert await world.resync.once()
    assert list(world.mirror.records) == ["uid-lost"]
    assert world.recorded("lost") == "canceled"


async def test_a_resync_without_postgres_looks_at_the_cluster_all_the_same(world: World) -> None:
    world.cluster.put("tasks", raw_task())
    world.mirror.is_away = True
    assert not await world.resync.once()
    assert world.tasks.get("uid-a") is not None
    assert len(world.queue) == 1


async def test_a_resync_without_a_cluster_cancels_nothing(world: World) -> None:
    world.mirror.rows = [("uid-a", "media", "a")]
    world.cluster.is_away = True
    assert not await world.resync.once()
    assert world.mirror.records == {}


async def test_a_failed_try_is_followed_by_another_job(world: World) -> None:
    async with world.at_work():
        world.submit(backoff={"initialSeconds": 0})
        await world.until_started()
        world.pod(terminated(70), "Failed")
        await world.until_started(number=2)
        world.pod(terminated(0, REPORT), "Succeeded", number=2)
        await world.until("succeeded")
    status = world.cluster.objects["tasks"]["uid-a"]["status"]
    assert [entry["exitCode"] for entry in status["tries"]] == [70, 0]
    assert world.mirror.records["uid-a"]["tries"] == status["tries"]
    assert [event["reason"] for event in world.cluster.told] == ["Retrying"]


async def test_a_dead_letter_is_told_and_replayed_once(world: World) -> None:
    async with world.at_work():
        world.submit(retries=0)
        world.pod(terminated(70), "Failed")
        await world.until("failed")
        assert world.cluster.told[-1]["reason"] == "DeadLettered"
        raw = world.cluster.objects["tasks"]["uid-a"]
        raw["metadata"]["annotations"] = {names.REPLAY_ANNOTATION: "1"}
        world.tasks.remember(world.cluster.put("tasks", raw))
        world.queue.add("uid-a")
        await world.settle()
    assert world.cluster.writes.count(f"create task {names.replay_name('a', '1')}") == 1
    assert world.cluster.objects["tasks"]["uid-a"]["status"]["replayed"] == "1"


async def test_no_more_tasks_run_than_the_pool_has_replicas(world: World) -> None:
    world.pool(replicas=2)
    async with world.at_work():
        for name in ("a", "b", "c"):
            world.submit(name)
        await world.until_started("a", "b")
        await world.settle()
        assert len(world.job_names()) == 2
        world.cluster.put("pods", raw_pod("a", state=terminated(0, REPORT), phase="Succeeded"))
        await world.until_started("c")
    assert world.state("c") is None


async def test_a_restarted_operator_counts_what_runs_already(world: World) -> None:
    world.pool(replicas=1)
    async with world.at_work():
        world.submit("b")
        await world.until_started("b")
    restarted = World(before=world)
    restarted.submit("a")
    assert await restarted.resync.once()
    async with restarted.at_work():
        await restarted.settle()
        assert restarted.job_names() == {job_name("b", "uid-b")}


async def test_more_replicas_and_a_pool_that_goes_on_start_what_waits(world: World) -> None:
    world.pool(replicas=1, suspend=True)
    async with world.at_work():
        world.submit("a")
        world.submit("b")
        await world.until("queued", "b")
        world.pool(replicas=1)
        await world.until_started("a")
        world.pool(replicas=2)
        await world.until_started("b")


async def test_a_task_of_a_pool_that_is_not_there_starts_when_it_is(world: World) -> None:
    async with world.at_work():
        world.submit(pool="gpu")
        await world.until("queued")
        assert not world.job_names()
        world.pool("gpu")
        await world.until_started()


async def test_a_task_of_a_recipe_that_is_not_there_starts_when_it_is(world: World) -> None:
    async with world.at_work():
        world.submit(outputs=[], recipe="web")
        await world.until("queued")
        told = world.cluster.objects["tasks"]["uid-a"]["status"]["conditions"][0]
        assert told["reason"] == "RecipeNotFound"
        world.cluster.put("recipes", raw_recipe())
        await world.until_started()
        world.cluster.put("recipes", raw_recipe("web", "other", generation=2))
        await world.settle()
        kept = world.cluster.objects["tasks"]["uid-a"]["status"]["recipe"]
        assert (kept["generation"], kept["outputs"][0]["name"]) == (1, "thumb")


async def test_a_pool_tells_what_it_does_and_nothing_while_nothing_changes(world: World) -> None:
    world.pool(replicas=1)
    async with world.at_work():
        for name in ("a", "b"):
            world.submit(name)
        await world.until_started("a")
        await world.settle()
        for _ in range(3):
            await world.pools.tell_all()
            await world.settle()
    status = world.cluster.objects["pools"]["uid-default"]["status"]
    assert (status["replicas"], status["running"], status["waiting"]) == (1, 1, 1)
    assert status["selector"] == "darkroom.dev/pool=default"
    before = len(world.cluster.writes)
    restarted = World(before=world)
    restarted.tasks.is_synced.set()
    for name in ("a", "b"):
        restarted.tasks.remember(world.cluster.objects["tasks"][f"uid-{name}"])
        restarted.queue.add(f"uid-{name}")
    async with restarted.at_work():
        await restarted.settle()
    assert len(world.cluster.writes) == before


async def test_an_operator_with_an_old_view_writes_nothing_over_a_newer_one(world: World) -> None:
    world.submit()
    world.pod(running())
    stale = world.tasks.get("uid-a")
    assert stale
    raw = world.cluster.objects["tasks"]["uid-a"]
    world.cluster.put("tasks", raw | {"status": {"state": "succeeded", "attempts": 1}})
    async with world.at_work():
        await world.settle()
    assert world.state() == "succeeded"
    assert "status running" not in world.cluster.writes


async def test_a_job_that_cannot_make_its_pod_says_why(world: World) -> None:
    world.cluster.complaint = "pods is forbidden: exceeded quota: small"
    async with world.at_work():
        world.submit()
        await world.until("queued")
        condition = world.cluster.objects["tasks"]["uid-a"]["status"]["conditions"][0]
        assert condition["reason"] == "QuotaExceeded"
        world.pod(running())
        await world.until("running")


async def test_events_are_read_once_for_all_jobs_that_make_no_pod(world: World) -> None:
    world.cluster.complaint = "pods is forbidden: exceeded quota: small"
    names = [f"task-{number}" for number in range(20)]
    world.pool(replicas=len(names))
    async with world.at_work():
        for name in names:
            world.submit(name)
        for name in names:
            await world.until("queued", name)
    statuses = [world.cluster.objects["tasks"][f"uid-{name}"]["status"] for name in names]
    assert {status["conditions"][0]["reason"] for status in statuses} == {"QuotaExceeded"}
    assert world.cluster.asked == 1


async def test_health_notices_work_that_never_ends() -> None:
    now = 0.0
    queue = WorkQueue(clock=lambda: now)
    informer = Informer(FakeCluster(), "pods", read_pod, queue.add)
    health = Health([queue], [informer])
    queue.add("a")
    await queue.get()
    assert health.check() == "ok"
    now = 1000.0
    with pytest.raises(StuckError, match="under way for 1000 s"):
        health.check()


class TestTasks:
    def test_an_older_version_does_not_replace_a_newer_one(self) -> None:
        tasks = Tasks()
        newer, older = raw_task(retries=1), raw_task(retries=2)
        newer["metadata"] |= {"resourceVersion": "10", "generation": 2}
        older["metadata"]["resourceVersion"] = "9"
        assert tasks.remember(newer)
        assert not tasks.remember(older)
        assert not tasks.remember(newer)
        kept = tasks.get("uid-a")
        assert kept
        assert kept.spec
        assert kept.spec.retries == 1

    def test_a_task_that_is_gone_does_not_come_back(self) -> None:
        tasks = Tasks()
        tasks.remember(raw_task())
        tasks.lost(["uid-a", "uid-unknown"])
        late = raw_task()
        late["metadata"]["resourceVersion"] = "99"
        assert not tasks.remember(late)
        assert tasks.uids() == set()
