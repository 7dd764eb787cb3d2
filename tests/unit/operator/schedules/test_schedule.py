from datetime import UTC, datetime

import pytest
from darkroom_core.schedule import ScheduleStatus
from darkroom_operator.schedules.schedule import read
from darkroom_operator.schedules.testing import raw_schedule
from hypothesis import given
from hypothesis import strategies as st


def test_the_tasks_spec_is_kept_as_it_was_written() -> None:
    raw = raw_schedule()
    raw["spec"]["task"]["spec"]["retries"] = 4
    assert read(raw).written_task == raw["spec"]["task"]["spec"]


def test_a_spec_that_cannot_be_read_is_a_problem_and_no_failure() -> None:
    schedule = read(raw_schedule(schedule=5))
    assert schedule.spec is None
    assert schedule.problem.startswith("This operator cannot read spec.schedule: ")


def test_a_schedule_without_a_spec_is_a_problem_and_no_failure() -> None:
    raw = raw_schedule()
    del raw["spec"]
    assert read(raw).problem.startswith("This operator cannot read spec.schedule: ")


@pytest.mark.parametrize("rubbish", [{"lastTask": 5}, {"active": None}, {"new": {"in": "v2"}}])
def test_a_status_that_cannot_be_read_is_read_as_far_as_it_can_be(rubbish: object) -> None:
    assert isinstance(rubbish, dict)
    written = {"lastScheduleTime": "2026-01-01T03:30:00Z", "observedGeneration": 3, **rubbish}
    status = read(raw_schedule(status=written)).status
    assert status == ScheduleStatus(
        last_schedule_time=datetime(2026, 1, 1, 3, 30, tzinfo=UTC), observed_generation=3
    )


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
fields = st.sampled_from(["schedule", "timeZone", "suspend", "task", "cleanup", "spec", "labels"])


@given(
    spec=st.dictionaries(fields, json),
    status=st.dictionaries(st.sampled_from(["lastScheduleTime", "active", "lastSweep"]), json),
)
def test_anything_can_be_read(spec: dict[str, object], status: dict[str, object]) -> None:
    raw = raw_schedule(status=status)
    raw["spec"] = spec
    assert read(raw).key == "media/nightly"
