import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from darkroom_operator.errors import ClusterError, RefusedError
from darkroom_operator.schedules.reconcile import Schedules
from darkroom_operator.schedules.testing import FakeSweeper, raw_schedule
from darkroom_operator.store import Tasks
from darkroom_operator.testing import FakeCluster, FakeMirror, raw_task
from darkroom_operator.workqueue import WorkQueue

FIRST, SECOND = "nightly-29453970", "nightly-29455410"


def utc(text: str) -> datetime:
    """Return a time of January 2026."""
    return datetime.fromisoformat(f"2026-01-{text}+00:00")


class LosesStatus(FakeCluster):
    """A cluster that takes everything but a status."""

    async def write_status(self, *_: object, version: str = "") -> str | None:  # noqa: ARG002
        raise ClusterError("the status was lost")


class HidesSchedules(FakeCluster):
    """A cluster whose watch of schedules has fallen silent."""

    def _tell(self, kind: str, type_: str, raw: dict[str, Any]) -> None:
        if kind != "schedules":
            super()._tell(kind, type_, raw)


class World:
    """The schedules around a fake cluster; `after` is the next process, which remembers nothing."""

    def __init__(self, after: "World | None" = None) -> None:
        self.cluster: FakeCluster = after.cluster if after else FakeCluster()
        self.mirror: FakeMirror = after.mirror if after else FakeMirror()
        self.now: datetime = after.now if after else utc("01T03:29:30")
        self.sweeper = FakeSweeper(lambda: self.now)
        self.queue = WorkQueue("schedule")
        self.tasks = Tasks(self.queue.add)
        self.schedules = Schedules(
            self.cluster,
            self.tasks,
            self.mirror,
            self.sweeper,
            self.queue,
            clock=lambda: self.now,
        )

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        running = [asyncio.create_task(part) for part in (self.schedules.run(), self._watch())]
        try:
            yield
        finally:
            for part in running:
                part.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _watch(self) -> None:
        """Keep the tasks, as the operator's other parts do."""
        async for page in self.cluster.pages("tasks"):
            for raw in page.items:
                self.tasks.remember(raw)
            version = page.version
        self.tasks.is_synced.set()
        async for event in self.cluster.watch("tasks", version):
            self.tasks.remember(event.object)
            if event.type == "DELETED":
                self.tasks.lost([event.object["metadata"]["uid"]])

    def tick(self, now: str) -> None:
        self.now = utc(now)
        self.queue.add("media/nightly")

    def status(self, name: str = "nightly") -> dict[str, Any]:
        status: dict[str, Any] = self.cluster.objects["schedules"][f"uid-{name}"].get("status", {})
        return status

    def message(self) -> str:
        return next((str(c["message"]) for c in self.status().get("conditions", [])), "")

    def names(self) -> list[str]:
        return [str(raw["metadata"]["name"]) for raw in self.cluster.objects["tasks"].values()]

    def finish(self, name: str, state: str = "succeeded") -> None:
        (raw,) = (
            t for t in self.cluster.objects["tasks"].values() if t["metadata"]["name"] == name
        )
        uid = raw["metadata"]["uid"]
        self.mirror.records[uid] = {"uid": uid, "status": state}
        self.cluster.put("tasks", {**raw, "status": {"state": state}})

    def change(self, **spec: Any) -> None:
        raw = self.cluster.objects["schedules"]["uid-nightly"]
        generation = raw["metadata"]["generation"] + 1
        metadata = {**raw["metadata"], "generation": generation}
        self.cluster.put(
            "schedules", {**raw, "metadata": metadata, "spec": {**raw["spec"], **spec}}
        )

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110  # polled
                await asyncio.sleep(0.001)

    async def settle(self) -> None:
        """Let everything that is due happen."""
        for _ in range(50):
            await asyncio.sleep(0.001)


@pytest.fixture
def world() -> World:
    return World()


async def test_a_time_costs_one_task_and_two_writes_of_the_status(world: World) -> None:
    world.cluster.put("schedules", raw_schedule())
    async with world.at_work():
        await world.until(lambda: world.status().get("nextScheduleTime"))
        world.tick("01T03:30:00")
        await world.until(world.names)
        await world.settle()
        assert world.status()["active"] == [FIRST]
        world.finish(FIRST)
        await world.until(lambda: world.status()["active"] == [])
        await world.settle()
    assert world.cluster.writes == [
        "status of nightly",
        f"create task {FIRST}",
        "status of nightly",
        "status of nightly",
    ]
    assert world.status()["lastScheduleTime"] == "2026-01-01T03:30:00Z"
    assert world.status()["nextScheduleTime"] == "2026-01-02T03:30:00Z"
    assert world.status()["lastTask"] == FIRST


async def test_it_wakes_by_itself(world: World) -> None:
    world.cluster.put("schedules", raw_schedule())
    world.now = utc("01T03:29:59")
    async with world.at_work():
        await world.until(world.status)
        world.now = utc("01T03:30:00")
        await world.until(world.names)


async def test_nothing_is_written_when_nothing_changed(world: World) -> None:
    world.cluster.put("schedules", raw_schedule())
    async with world.at_work():
        await world.until(world.status)
        for minute in range(10):
            world.tick(f"01T02:0{minute}:00")
            await world.settle()
    assert world.cluster.writes == ["status of nightly"]


async def test_a_crash_after_the_creation_is_made_up_for_by_the_status_alone(world: World) -> None:
    world.cluster.put("schedules", raw_schedule())
    async with world.at_work():
        await world.until(world.status)
        world.cluster.__class__ = LosesStatus
        world.tick("01T03:30:00")
        await world.until(world.names)
    world.cluster.__class__ = FakeCluster
    assert "lastScheduleTime" not in world.status()
    restarted = World(after=world)
    async with restarted.at_work():
        await restarted.until(lambda: restarted.status().get("lastScheduleTime"))
    assert restarted.names() == [FIRST]


async def test_two_operators_make_one_task(world: World) -> None:
    world.cluster.put("schedules", raw_schedule())
    other = World(after=world)
    world.now = other.now = utc("01T03:30:00")
    async with world.at_work(), other.at_work():
        await world.until(lambda: world.status().get("lastScheduleTime"))
        await world.settle()
    assert world.names() == [FIRST]


async def test_a_watch_that_lags_does_not_fire_again(world: World) -> None:
    """The status that was written counts, though the watch shows an older one."""
    world.cluster.put("schedules", raw_schedule(successfulHistoryLimit=0))
    async with world.at_work():
        await world.until(world.status)
        world.cluster.__class__ = HidesSchedules
        world.tick("01T03:30:00")
        await world.until(world.names)
        world.finish(FIRST)
        await world.until(lambda: not world.names())
        world.tick("01T03:31:00")
        await world.settle()
    assert world.cluster.writes.count(f"create task {FIRST}") == 1


async def test_a_task_that_is_refused_is_said_and_tried_again(world: World) -> None:
    world.cluster.put("schedules", raw_schedule())
    async with world.at_work():
        await world.until(world.status)
        world.cluster.refusal = RefusedError("exceeded quota: tasks")
        world.tick("01T03:30:00")
        await world.until(lambda: "quota" in world.message())
        assert world.message() == (
            "Nothing could be done for 2026-01-01T03:30Z yet, and it is tried again: "
            "exceeded quota: tasks"
        )
        assert "lastScheduleTime" not in world.status()
        assert world.status()["nextScheduleTime"] == "2026-01-01T03:30:00Z"
        await world.settle()
        written = len(world.cluster.writes)
        await world.settle()
        assert len(world.cluster.writes) == written
        world.cluster.refusal = None
        await world.until(lambda: world.names() == [FIRST])
        await world.until(lambda: world.message().startswith("Made "))


async def test_replace_deletes_the_earlier_task(world: World) -> None:
    world.cluster.put("schedules", raw_schedule(concurrencyPolicy="Replace"))
    async with world.at_work():
        world.tick("01T03:30:00")
        await world.until(lambda: world.names() == [FIRST])
        await world.settle()
        world.tick("02T03:30:00")
        await world.until(lambda: world.names() == [SECOND])
        await world.until(lambda: world.status()["active"] == [SECOND])


async def test_a_finished_task_above_the_limit_goes_once_it_is_recorded(world: World) -> None:
    world.cluster.put("schedules", raw_schedule(successfulHistoryLimit=0))
    async with world.at_work():
        world.tick("01T03:30:00")
        await world.until(world.names)
        world.mirror.is_away = True
        world.finish(FIRST)
        await world.settle()
        assert world.names() == [FIRST]
        world.mirror.is_away = False
        world.tick("01T03:31:00")
        await world.until(lambda: not world.names())


async def test_a_suspended_schedule_rests_and_goes_on(world: World) -> None:
    world.cluster.put("schedules", raw_schedule(suspend=True))
    async with world.at_work():
        await world.until(lambda: "nextScheduleTime" not in world.status() and world.message())
        world.tick("01T12:00:00")
        world.change(suspend=False)
        await world.until(lambda: "nextScheduleTime" in world.status())
        world.tick("01T12:01:00")
        await world.settle()
        assert world.names() == []
        world.tick("02T03:30:00")
        await world.until(lambda: world.names() == [SECOND])


async def test_a_line_that_is_corrected_recovers(world: World) -> None:
    world.cluster.put("schedules", raw_schedule(schedule="61 3 * * *"))
    async with world.at_work():
        await world.until(lambda: "Bad minute" in world.message())
        world.change(schedule="31 3 * * *")
        await world.until(lambda: world.status().get("nextScheduleTime") == "2026-01-01T03:31:00Z")
        assert [c["type"] for c in world.status()["conditions"]] == ["Ready"]


async def test_a_deleted_schedule_is_forgotten(world: World) -> None:
    world.cluster.put("schedules", raw_schedule())
    async with world.at_work():
        await world.until(world.status)
        world.cluster.remove("schedules", "uid-nightly")
        await world.until(lambda: not world.schedules.informer.of("media/nightly"))
        world.tick("01T03:30:00")
        await world.settle()
    assert world.names() == []


async def test_a_namesake_begins_anew(world: World) -> None:
    world.cluster.put("schedules", raw_schedule())
    async with world.at_work():
        world.tick("01T03:30:00")
        await world.until(lambda: world.status().get("lastScheduleTime"))
        world.cluster.remove("schedules", "uid-nightly")
        for uid in list(world.cluster.objects["tasks"]):
            world.cluster.remove("tasks", uid)
        raw = raw_schedule()
        raw["metadata"].update(uid="uid-other", creationTimestamp="2026-01-01T03:40:00Z")
        world.now = utc("01T03:40:00")
        world.cluster.put("schedules", raw)
        await world.until(lambda: world.cluster.objects["schedules"]["uid-other"].get("status"))
    assert world.names() == []
    status = world.cluster.objects["schedules"]["uid-other"]["status"]
    assert "lastScheduleTime" not in status


async def test_tasks_of_before_are_owned_by_the_schedule(world: World) -> None:
    """A task that somebody labelled counts too: the label is what says whose it is."""
    world.cluster.put("schedules", raw_schedule())
    by_hand = raw_task("by-hand", status={"state": "running"})
    by_hand["metadata"]["labels"] = {"darkroom.dev/schedule": "nightly"}
    world.cluster.put("tasks", by_hand)
    async with world.at_work():
        await world.until(lambda: world.status().get("active") == ["by-hand"])


class TestSweep:
    @pytest.fixture
    def world(self) -> World:
        world = World()
        world.cluster.put("schedules", raw_schedule(cleanup={"outputsAfterSeconds": 60}))
        return world

    async def test_it_is_done_at_its_time_and_written_down(self, world: World) -> None:
        async with world.at_work():
            await world.until(world.status)
            assert world.sweeper.sweeps == []
            world.tick("01T03:30:00")
            await world.until(lambda: world.status().get("lastSweep"))
        assert world.status()["lastSweep"] == {
            "finishedAt": "2026-01-01T03:30:00Z",
            "objects": 7,
            "rows": 2,
        }
        assert world.message() == "Swept for 2026-01-01T03:30Z."
        assert [cleanup.outputs_after_seconds for cleanup in world.sweeper.sweeps] == [60]
        assert world.names() == []

    async def test_it_is_never_done_twice_at_the_same_time(self, world: World) -> None:
        async with world.at_work():
            world.now = utc("01T03:30:00")
            for _ in range(20):
                world.queue.add("media/nightly")
                await asyncio.sleep(0.002)
            await world.until(lambda: world.status().get("lastSweep"))
            await world.settle()
        assert (len(world.sweeper.sweeps), world.sweeper.at_once) == (1, 1)

    async def test_while_the_api_is_away_it_is_tried_again(self, world: World) -> None:
        world.sweeper.is_away = True
        async with world.at_work():
            world.tick("01T03:30:00")
            await world.until(lambda: "the API did not answer" in world.message())
            assert "lastScheduleTime" not in world.status()
            world.sweeper.is_away = False
            await world.until(lambda: world.status().get("lastSweep"))
            assert world.status()["lastScheduleTime"] == "2026-01-01T03:30:00Z"

    async def test_after_the_starting_deadline_it_is_missed(self, world: World) -> None:
        world.change(startingDeadlineSeconds=600)
        world.sweeper.is_away = True
        async with world.at_work():
            world.tick("01T03:30:00")
            await world.until(lambda: "the API did not answer" in world.message())
            world.tick("01T03:41:00")
            await world.until(lambda: world.message().startswith("Missed "))
        assert world.status()["nextScheduleTime"] == "2026-01-02T03:30:00Z"
        assert world.sweeper.sweeps == []
