"""Whatever is interrupted and however often: no time is fired twice, and none while suspended."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from darkroom_operator.schedules.decide import Observed, decide
from darkroom_operator.schedules.schedule import Schedule, read
from darkroom_operator.schedules.testing import raw_schedule
from darkroom_operator.schedules.times import read_times
from darkroom_operator.task import read as read_task
from darkroom_operator.testing import raw_task
from hypothesis import given
from hypothesis import strategies as st

LINES = ("*/5 * * * *", "7 * * * *", "30 2 * * *", "0,30 1-3 * * *")


@dataclass
class World:
    """The API server's side of it: one schedule, its tasks, and every creation there ever was."""

    schedule: Schedule
    now: datetime
    unfinished: set[str] = field(default_factory=set)
    finished: set[str] = field(default_factory=set)
    created: list[tuple[str, datetime]] = field(default_factory=list)
    swept_away: set[str] = field(default_factory=set)

    def observed(self) -> Observed:
        tasks = [
            read_task(raw_task(name, status={"state": state}))
            for names, state in ((self.unfinished, "running"), (self.finished, "succeeded"))
            for name in sorted(names)
        ]
        return Observed(tasks, {f"uid-{name}" for name in self.finished})

    def reconcile(self, *, crashes_before: str) -> None:
        plan = decide(self.schedule, self.observed(), self.now)
        for task in plan.delete:
            self.finished.discard(task.metadata.name)
        if plan.turn:
            self.unfinished -= {task.metadata.name for task in plan.turn.cancel}
            if crashes_before == "create":
                return
            if plan.turn.create:
                self._create(plan.turn.create["metadata"]["name"])
        if crashes_before != "status" and plan.status:
            self.schedule = replace(self.schedule, status=plan.status)

    def _create(self, name: str) -> None:
        if name not in self.unfinished | self.finished:
            self.unfinished.add(name)
            self.created.append((name, self.now))

    def change(self, **spec: Any) -> None:
        raw = raw_schedule(generation=self.schedule.metadata.generation + 1, **spec)
        self.schedule = replace(read(raw), status=self.schedule.status)


steps = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 40_000)),
    st.tuples(st.just("wait"), st.integers(1, 400)),
    st.tuples(st.just("work"), st.sampled_from(["", "", "create", "status"])),
    st.tuples(st.just("finish"), st.none()),
    st.tuples(st.just("collect"), st.none()),
    st.tuples(st.just("suspend"), st.booleans()),
)


@given(
    line=st.sampled_from(LINES),
    zone=st.sampled_from(["Etc/UTC", "Europe/Berlin"]),
    policy=st.sampled_from(["Allow", "Forbid", "Replace"]),
    deadline=st.sampled_from([None, 60, 3600]),
    start=st.sampled_from(["2026-03-28T20:00:00", "2026-10-24T20:00:00"]),
    story=st.lists(steps, max_size=60),
)
def test_no_time_is_fired_twice(
    line: str,
    zone: str,
    policy: str,
    deadline: int | None,
    start: str,
    story: list[tuple[str, Any]],
) -> None:
    spec: dict[str, Any] = {"schedule": line, "timeZone": zone, "concurrencyPolicy": policy}
    if deadline:
        spec["startingDeadlineSeconds"] = deadline
    raw = raw_schedule(**spec)
    raw["metadata"]["creationTimestamp"] = f"{start}Z"
    schedule = read(raw)
    world = World(schedule, schedule.metadata.creation_timestamp)
    is_suspended, is_settled = False, False
    for step, value in story:
        if step == "wait":
            world.now += timedelta(seconds=value)
        elif step == "work":
            before = len(world.created)
            world.reconcile(crashes_before=value)
            is_settled = not value
            assert not (is_suspended and len(world.created) > before)
        elif step == "finish":
            world.finished |= world.unfinished
            world.unfinished.clear()
        # A TTL is over only when the operator is at work, and has written what it did.
        elif step == "collect" and is_settled:
            world.finished.clear()
        elif step == "suspend":
            is_suspended = value
            metadata = world.schedule.metadata
            world.change(suspend=value, **spec)
            world.schedule = replace(
                world.schedule,
                metadata=world.schedule.metadata.model_copy(
                    update={"creation_timestamp": metadata.creation_timestamp}
                ),
            )
    names = [name for name, _ in world.created]
    assert len(names) == len(set(names))
    times = read_times(line, zone)
    for name, made_at in world.created:
        moment = datetime.fromtimestamp(int(name.rpartition("-")[2]) * 60, made_at.tzinfo)
        assert schedule.metadata.creation_timestamp < moment <= made_at
        assert times.after(moment - timedelta(seconds=1)) == moment
        if deadline:
            assert made_at - moment <= timedelta(seconds=deadline)


@given(
    line=st.sampled_from(LINES),
    waits=st.lists(st.integers(1, 20_000), min_size=1, max_size=30),
)
def test_each_time_is_dealt_with_by_the_next_look(line: str, waits: list[int]) -> None:
    schedule = read(raw_schedule(schedule=line))
    world = World(schedule, schedule.metadata.creation_timestamp)
    for seconds in waits:
        before, world.now = world.now, world.now + timedelta(seconds=seconds)
        world.reconcile(crashes_before="")
        last = read_times(line, "Etc/UTC").last(before, world.now)
        if last:
            assert world.created[-1] == (schedule.task_name(last), world.now)
        written = world.schedule.status
        world.reconcile(crashes_before="")
        assert world.schedule.status == written
