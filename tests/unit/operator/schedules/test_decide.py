from datetime import datetime
from typing import Any

import pytest
from darkroom_core import names
from darkroom_core.conditions import Reason
from darkroom_core.schedule import ScheduleStatus
from darkroom_operator.schedules.decide import Observed, Plan, decide
from darkroom_operator.schedules.schedule import read
from darkroom_operator.schedules.testing import raw_schedule
from darkroom_operator.task import Task
from darkroom_operator.task import read as read_task
from darkroom_operator.testing import raw_task

Raw = dict[str, Any]

# 03:30 on the 1st, 2nd and 3rd of January 2026, in minutes since 1970.
FIRST, SECOND, THIRD = ("nightly-29453970", "nightly-29455410", "nightly-29456850")
WAITS = "It waits for its next time."


def utc(text: str) -> datetime:
    """Return a time of January 2026: `02T03:30` or `02T03:30:15`."""
    return datetime.fromisoformat(f"2026-01-{text}+00:00")


def task(name: str, state: str = "running", *, created: str = "01T00:00", **metadata: Any) -> Task:
    raw = raw_task(name, status={"state": state})
    raw["metadata"].update({"creationTimestamp": f"2026-01-{created}:00Z", **metadata})
    return read_task(raw)


def plan_for(
    now: str, *tasks: Task, schedule: Raw | None = None, recorded: set[str] | None = None
) -> Plan:
    return decide(read(schedule or raw_schedule()), Observed(tasks, recorded or set()), utc(now))


def seen(
    last: str | None = "01T03:30",
    coming: str | None = "02T03:30",
    *,
    generation: int = 1,
    reason: str = "Active",
    message: str = "Something happened.",
    **more: Any,
) -> Raw:
    """Return a status as the operator wrote it before."""
    written: Raw = {
        "observedGeneration": generation,
        "active": [],
        "conditions": [
            {
                "type": "Ready",
                "status": "False" if reason == "Invalid" else "True",
                "reason": reason,
                "message": message,
                "lastTransitionTime": "2026-01-01T00:00:01Z",
                "observedGeneration": generation,
            }
        ],
        **more,
    }
    if last:
        written["lastScheduleTime"] = f"2026-01-{last}:00Z"
    if coming:
        written["nextScheduleTime"] = f"2026-01-{coming}:00Z"
    return written


def status_of(plan: Plan) -> ScheduleStatus:
    assert plan.status
    return plan.status


def message_of(plan: Plan) -> str:
    return status_of(plan).conditions[0].message


def created(plan: Plan) -> str | None:
    if plan.turn is None or plan.turn.create is None:
        return None
    name: str = plan.turn.create["metadata"]["name"]
    return name


class TestTime:
    def test_before_its_first_time_a_schedule_waits(self) -> None:
        plan = plan_for("01T03:29:50")
        status = status_of(plan)
        assert plan.turn is None
        assert (status.last_schedule_time, status.next_schedule_time) == (None, utc("01T03:30"))
        assert (status.observed_generation, message_of(plan)) == (1, WAITS)
        assert plan.requeue_after == 10

    def test_at_its_time_it_makes_a_task(self) -> None:
        plan = plan_for("01T03:30")
        status = status_of(plan)
        assert created(plan) == FIRST
        assert (status.last_schedule_time, status.next_schedule_time) == (
            utc("01T03:30"),
            utc("02T03:30"),
        )
        assert (status.active, status.last_task) == ([FIRST], FIRST)
        assert message_of(plan) == f"Made {FIRST} for 2026-01-01T03:30Z."

    def test_what_was_dealt_with_is_not_done_again(self) -> None:
        plan = plan_for("01T12:00", schedule=raw_schedule(status=seen()))
        assert plan.turn is None
        assert message_of(plan) == "Something happened."

    def test_a_far_time_is_looked_at_again_in_five_minutes(self) -> None:
        assert plan_for("01T03:31", schedule=raw_schedule(status=seen())).requeue_after == 300

    def test_the_zone_is_the_schedules(self) -> None:
        berlin = raw_schedule(timeZone="Europe/Berlin")
        assert status_of(plan_for("01T00:00", schedule=berlin)).next_schedule_time == utc(
            "01T02:30"
        )

    def test_a_schedule_that_is_being_deleted_does_nothing(self) -> None:
        leaving = raw_schedule()
        leaving["metadata"]["deletionTimestamp"] = "2026-01-01T01:00:00Z"
        assert plan_for("01T03:30", schedule=leaving) == Plan()

    def test_a_clock_that_went_back_starts_nothing(self) -> None:
        ahead = raw_schedule(status=seen("03T03:30", "04T03:30"))
        plan = plan_for("02T03:30", schedule=ahead)
        assert plan.turn is None
        assert status_of(plan).next_schedule_time == utc("04T03:30")

    def test_nothing_new_is_no_other_status(self) -> None:
        schedule = raw_schedule(status=seen())
        assert plan_for("01T12:00", schedule=schedule).status == read(schedule).status


class TestMissed:
    def test_only_the_last_missed_time_is_made_up_for(self) -> None:
        plan = plan_for("03T12:00", schedule=raw_schedule(status=seen()))
        assert created(plan) == THIRD
        assert message_of(plan) == (
            f"Made {THIRD} for 2026-01-03T03:30Z. 1 earlier missed and not made up for."
        )

    def test_a_schedule_that_was_never_seen_counts_from_its_creation(self) -> None:
        assert created(plan_for("02T12:00")) == SECOND

    @pytest.mark.parametrize(
        ("now", "name"), [("01T03:40:00", FIRST), ("01T03:40:01", None), ("01T12:00", None)]
    )
    def test_the_starting_deadline_ends_it(self, now: str, name: str | None) -> None:
        plan = plan_for(now, schedule=raw_schedule(startingDeadlineSeconds=600))
        assert created(plan) == name
        assert status_of(plan).last_schedule_time == utc("01T03:30")
        if name is None:
            assert message_of(plan) == (
                "Missed 2026-01-01T03:30Z: nothing could be started within 600 s."
            )

    def test_more_than_a_hundred_are_said_to_be_many(self) -> None:
        minutely = raw_schedule(schedule="* * * * *")
        assert message_of(plan_for("01T01:40", schedule=minutely)).endswith(
            " 99 earlier missed and not made up for."
        )
        plan = plan_for("01T01:41", schedule=minutely)
        assert created(plan) == "nightly-29453861"
        assert message_of(plan).endswith(
            "More than 100 times were missed and only the last was made up for: was the operator "
            "away, or a clock wrong?"
        )

    def test_a_task_that_was_made_before_the_status_is_not_made_again(self) -> None:
        plan = plan_for("01T03:31", task(FIRST))
        assert plan.turn
        assert (plan.turn.result, plan.turn.create) == ("made", None)
        assert (status_of(plan).active, status_of(plan).last_task) == ([FIRST], FIRST)

    def test_a_status_of_another_version_still_says_what_was_dealt_with(self) -> None:
        newer = seen(new_in_v2=1, lastSweep={"bytes": 1}, lastTask=FIRST)
        plan = plan_for("01T12:00", schedule=raw_schedule(status=newer))
        assert (plan.turn, status_of(plan).last_task) == (None, FIRST)


class TestSuspend:
    def test_nothing_is_started_while_it_is_suspended(self) -> None:
        plan = plan_for("02T12:00", schedule=raw_schedule(suspend=True, status=seen()))
        status = status_of(plan)
        assert (plan.turn, plan.requeue_after, status.next_schedule_time) == (None, None, None)
        assert status.conditions[0].reason is Reason.SUSPENDED
        assert {c.type: c.status for c in status.conditions} == {"Ready": "True"}

    def test_what_was_missed_meanwhile_is_not_made_up_for(self) -> None:
        suspended = seen(coming=None, reason="Suspended", message="Nothing is started.")
        plan = plan_for("02T12:00", schedule=raw_schedule(generation=2, status=suspended))
        assert (created(plan), status_of(plan).last_schedule_time) == (None, utc("02T03:30"))
        assert message_of(plan) == (
            "Nothing was done for 2026-01-02T03:30Z: the spec was changed after that."
        )
        assert status_of(plan).next_schedule_time == utc("03T03:30")

    def test_it_goes_on_with_the_next_time(self) -> None:
        suspended = seen(coming=None, reason="Suspended")
        plan = plan_for("01T12:00", schedule=raw_schedule(generation=2, status=suspended))
        assert (plan.turn, message_of(plan)) == (None, WAITS)
        assert status_of(plan).next_schedule_time == utc("02T03:30")


class TestChange:
    def test_another_line_does_not_fire_for_the_past(self) -> None:
        changed = raw_schedule(generation=2, schedule="0 9 * * *", status=seen())
        plan = plan_for("01T12:00", schedule=changed)
        assert (created(plan), status_of(plan).last_schedule_time) == (None, utc("01T09:00"))
        assert status_of(plan).next_schedule_time == utc("02T09:00")

    def test_a_time_that_was_announced_is_not_lost_by_a_change(self) -> None:
        changed = raw_schedule(generation=2, startingDeadlineSeconds=60, status=seen())
        assert created(plan_for("02T03:30:01", schedule=changed)) == SECOND


class TestConcurrency:
    def test_allow_makes_one_more(self) -> None:
        plan = plan_for("02T03:30", task(FIRST), schedule=raw_schedule(status=seen()))
        assert plan.turn
        assert (created(plan), plan.turn.cancel) == (SECOND, ())
        assert status_of(plan).active == [FIRST, SECOND]

    def test_forbid_skips_and_says_so(self) -> None:
        schedule = raw_schedule(concurrencyPolicy="Forbid", status=seen())
        plan = plan_for("02T03:30", task(FIRST), schedule=schedule)
        assert (created(plan), status_of(plan).active) == (None, [FIRST])
        assert status_of(plan).last_schedule_time == utc("02T03:30")
        assert message_of(plan) == f"Skipped 2026-01-02T03:30Z: {FIRST} had not ended."

    @pytest.mark.parametrize("state", ["succeeded", "failed"])
    def test_forbid_makes_one_when_the_earlier_has_ended(self, state: str) -> None:
        schedule = raw_schedule(concurrencyPolicy="Forbid", status=seen())
        assert created(plan_for("02T03:30", task(FIRST, state), schedule=schedule)) == SECOND

    def test_forbid_is_not_hindered_by_its_own_task(self) -> None:
        schedule = raw_schedule(concurrencyPolicy="Forbid", status=seen())
        plan = plan_for("02T03:31", task(SECOND), schedule=schedule)
        assert message_of(plan) == f"Made {SECOND} for 2026-01-02T03:30Z."

    def test_replace_deletes_the_earlier_ones(self) -> None:
        schedule = raw_schedule(concurrencyPolicy="Replace", status=seen())
        tasks = (task("by-hand"), task(FIRST), task("ended", "failed"))
        plan = plan_for("02T03:30", *tasks, schedule=schedule)
        assert plan.turn
        assert [t.metadata.name for t in plan.turn.cancel] == ["by-hand", FIRST]
        assert (created(plan), status_of(plan).active) == (SECOND, [SECOND])

    def test_replace_spares_the_task_of_the_same_time(self) -> None:
        schedule = raw_schedule(concurrencyPolicy="Replace", status=seen())
        plan = plan_for("02T03:31", task(SECOND), schedule=schedule)
        assert plan.turn
        assert (plan.turn.cancel, plan.turn.create) == ((), None)


class TestActive:
    def test_it_is_what_has_not_ended(self) -> None:
        tasks = (
            task("b", created="01T02:00"),
            task("a", created="01T03:00"),
            task("ended", "succeeded"),
            task("leaving", deletionTimestamp="2026-01-01T11:00:00Z"),
        )
        plan = plan_for("01T12:00", *tasks, schedule=raw_schedule(status=seen()))
        assert status_of(plan).active == ["b", "a"]

    @pytest.mark.parametrize(("now", "active"), [("01T03:30:29", [FIRST]), ("01T03:30:30", [])])
    def test_a_task_that_no_watch_shows_yet_stays_for_half_a_minute(
        self, now: str, active: list[str]
    ) -> None:
        made = raw_schedule(status=seen(active=[FIRST], lastTask=FIRST))
        assert status_of(plan_for(now, schedule=made)).active == active

    def test_at_most_a_hundred_are_listed(self) -> None:
        tasks = [task(f"t{number:03}") for number in range(150)]
        plan = plan_for("01T12:00", *tasks, schedule=raw_schedule(status=seen()))
        assert status_of(plan).active == [f"t{number:03}" for number in range(50, 150)]


class TestHistory:
    TASKS = (
        *(task(f"good-{n}", "succeeded", created=f"01T0{n}:00") for n in range(5)),
        *(task(f"bad-{n}", "failed", created=f"01T0{n}:00") for n in range(3)),
        task("busy"),
    )
    EVERYTHING = {t.uid for t in TASKS}  # noqa: RUF012

    def deleted(self, recorded: set[str], **spec: Any) -> set[str]:
        schedule = raw_schedule(status=seen(), **spec)
        plan = plan_for("01T12:00", *self.TASKS, schedule=schedule, recorded=recorded)
        return {task.metadata.name for task in plan.delete}

    def test_the_oldest_above_the_limits_are_deleted(self) -> None:
        assert self.deleted(self.EVERYTHING) == {"good-0", "good-1", "bad-0", "bad-1"}

    def test_the_limits_are_the_schedules(self) -> None:
        limits = {"successfulHistoryLimit": 4, "failedHistoryLimit": 0}
        assert self.deleted(self.EVERYTHING, **limits) == {"good-0", "bad-0", "bad-1", "bad-2"}

    def test_what_is_not_recorded_stays_and_is_looked_at_again(self) -> None:
        assert self.deleted(self.EVERYTHING - {"uid-good-0"}) == {"good-1", "bad-0", "bad-1"}
        schedule = raw_schedule(status=seen())
        assert plan_for("01T12:00", *self.TASKS, schedule=schedule).requeue_after == 10

    def test_a_suspended_schedule_is_tidy_too(self) -> None:
        assert len(self.deleted(self.EVERYTHING, suspend=True)) == 4


class TestInvalid:
    @pytest.mark.parametrize(
        ("spec", "sentence"),
        [
            ({"schedule": "61 3 * * *"}, 'spec.schedule "61 3 * * *" is no cron line: Bad minute.'),
            ({"timeZone": "Mars/Base"}, 'spec.timeZone "Mars/Base" is not known; '),
            ({"concurrencyPolicy": "Never"}, "This operator cannot read spec.concurrencyPolicy: "),
            ({"cleanup": {}}, "This operator cannot read spec: "),
        ],
    )
    def test_what_cannot_be_carried_out_is_stalled(self, spec: Raw, sentence: str) -> None:
        raw = raw_schedule(status=seen())
        raw["spec"].update(spec)
        plan = plan_for("02T12:00", schedule=raw)
        status = status_of(plan)
        assert {c.type: c.status for c in status.conditions} == {
            "Ready": "False",
            "Stalled": "True",
        }
        assert (plan.turn, status.conditions[0].reason) == (None, Reason.INVALID)
        assert message_of(plan).startswith(sentence)
        assert status.last_schedule_time == utc("01T03:30")

    def test_it_recovers_when_it_is_corrected_and_fires_for_no_time_of_the_past(self) -> None:
        invalid = seen(coming=None, reason="Invalid")
        plan = plan_for("02T12:00", schedule=raw_schedule(generation=2, status=invalid))
        assert created(plan) is None
        assert {c.type: c.status for c in status_of(plan).conditions} == {"Ready": "True"}


class TestTask:
    def test_it_is_the_template_with_a_label_and_an_owner(self) -> None:
        plan = plan_for("01T03:30")
        assert plan.turn
        assert plan.turn.create == {
            "apiVersion": "darkroom.dev/v1alpha1",
            "kind": "ProcessingTask",
            "metadata": {
                "name": FIRST,
                "namespace": "media",
                "labels": {"darkroom.dev/user": "ada", "darkroom.dev/schedule": "nightly"},
                "ownerReferences": [
                    {
                        "apiVersion": "darkroom.dev/v1alpha1",
                        "kind": "ProcessingSchedule",
                        "name": "nightly",
                        "uid": "uid-nightly",
                        "controller": True,
                        "blockOwnerDeletion": True,
                    }
                ],
            },
            "spec": raw_schedule()["spec"]["task"]["spec"],
        }

    def test_a_long_name_is_cut_and_stays_its_own(self) -> None:
        ones = [read(raw_schedule(f"{'a' * 60}.{end}")) for end in ("b", "c")]
        made = [one.task_name(utc("01T03:30")) for one in ones]
        assert made == [
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-604ffdff-29453970",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-a7212325-29453970",
        ]
        assert len(made[0]) <= 63
        assert [one.key for one in ones] == [f"media/{name.rpartition('-')[0]}" for name in made]

    def test_the_label_is_what_its_tasks_are_found_by(self) -> None:
        plan = plan_for("01T03:30", schedule=raw_schedule("a.b"))
        assert plan.turn
        assert plan.turn.create
        label = plan.turn.create["metadata"]["labels"][names.SCHEDULE_LABEL]
        assert f"media/{label}" == read(raw_schedule("a.b")).key


class TestSweep:
    def test_a_cleanup_makes_no_task_but_a_sweep(self) -> None:
        cleanup = raw_schedule(cleanup={"outputsAfterSeconds": 60})
        plan = plan_for("01T03:30", schedule=cleanup)
        assert plan.turn
        assert plan.turn.sweep
        assert (plan.turn.sweep.outputs_after_seconds, plan.turn.create) == (60, None)
        assert message_of(plan) == "Swept for 2026-01-01T03:30Z."
        assert status_of(plan).last_task is None

    def test_what_was_not_swept_in_time_is_missed(self) -> None:
        cleanup = raw_schedule(cleanup={}, startingDeadlineSeconds=60)
        assert message_of(plan_for("01T12:00", schedule=cleanup)).startswith("Missed ")
