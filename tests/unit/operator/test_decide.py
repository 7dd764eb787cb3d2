from collections.abc import Sequence
from typing import Any

import pytest
from darkroom_core import names
from darkroom_core.conditions import Reason, State
from darkroom_core.pool import PoolSpec
from darkroom_core.task import Backoff, TaskStatus
from darkroom_operator.children import read_job, read_pod
from darkroom_operator.decide import Observed, Plan, Start, assess, decide
from darkroom_operator.errors import StalledError
from darkroom_operator.outcome import backoff_of
from darkroom_operator.recipe import read_recipe
from darkroom_operator.task import Task, read
from darkroom_operator.testing import (
    REPORT,
    at,
    raw_job,
    raw_pod,
    raw_recipe,
    raw_task,
    running,
    terminated,
)
from hypothesis import given
from hypothesis import strategies as st

NOW = at("00:00:30")
POOL = PoolSpec()
ERROR = '{"error": {"code": "corrupt_image", "message": "No picture.", "retryable": false}}'


def job_for(task: Task, _spec: object, start: Start, _now: object) -> dict[str, Any]:
    return {"kind": "Job", "for": task.uid, "number": start.number, "seconds": start.seconds}


def plan_for(
    *pods: dict[str, Any],
    job: dict[str, Any] | None = None,
    jobs: Sequence[dict[str, Any]] = (),
    task: dict[str, Any] | None = None,
    pool: PoolSpec | None = POOL,
    recipe: dict[str, Any] | None = None,
    complaint: str = "",
    has_place: bool = True,
    is_recorded: bool = False,
    is_gone: bool = False,
    now: str = "00:00:30",
) -> Plan:
    read_task = read(task or raw_task())
    if is_gone:
        read_task = Task(
            metadata=read_task.metadata,
            spec=read_task.spec,
            problem="",
            status=read_task.status,
            written_spec=read_task.written_spec,
            is_gone=True,
        )
    observed = Observed(
        jobs=[read_job(raw) for raw in ([job] if job else jobs)],
        pods=[read_pod(pod) for pod in pods],
        pool=pool,
        recipe=read_recipe(recipe) if recipe else None,
        complaint=complaint,
        is_recorded=is_recorded,
    )
    standing = assess(read_task, observed, at(now))
    return decide(read_task, observed, standing, at(now), has_place=has_place, job_for=job_for)


def status_of(plan: Plan) -> TaskStatus:
    assert plan.status is not None
    return plan.status


def failed_pod(number: int, exit_code: int = 70, **more: Any) -> dict[str, Any]:
    return raw_pod(number=number, state=terminated(exit_code), phase="Failed", **more)


def starts(plan: Plan) -> int | None:
    return plan.create_job["number"] if plan.create_job else None


def story(plan: Plan) -> tuple[State | None, Reason, str]:
    status = status_of(plan)
    return status.state, status.conditions[0].reason, status.conditions[0].message


def conditions(plan: Plan) -> dict[str, str]:
    return {c.type: c.status for c in status_of(plan).conditions}


def finished(state: str = "succeeded", **more: Any) -> dict[str, Any]:
    return {"state": state, "finishedAt": "2026-01-01T00:00:20Z", **more}


class TestStart:
    def test_a_new_task_gets_a_job_and_nothing_is_written_of_it(self) -> None:
        plan = plan_for()
        assert plan.create_job == {"kind": "Job", "for": "uid-a", "number": 1, "seconds": 600}
        assert plan.status is None

    def test_a_new_task_is_recorded_with_its_spec(self) -> None:
        record = plan_for().record
        assert record == {
            "namespace": "media",
            "name": "a",
            "uid": "uid-a",
            "spec": raw_task()["spec"],
            "status": "queued",
            "reason": "Pending",
            "message": "The processor is being started.",
            "attempts": 0,
            "job": names.job_name("a", "uid-a"),
            "created_at": "2026-01-01T00:00:00+00:00",
        }

    def test_a_job_that_is_there_is_not_created_again(self) -> None:
        assert plan_for(job=raw_job()).create_job is None

    def test_a_job_that_somebody_deleted_before_it_ran_is_created_again(self) -> None:
        assert starts(plan_for()) == 1

    def test_a_job_that_somebody_deleted_while_it_ran_was_a_failed_try(self) -> None:
        status = status_of(plan_for(raw_pod(state=running()), job=raw_job())).document()
        plan = plan_for(task=raw_task(status=status))
        assert plan.create_job is None
        assert status_of(plan).state is State.RUNNING
        assert status_of(plan).tries[0].error
        assert (
            starts(plan_for(task=raw_task(status=status_of(plan).document()), now="00:00:50")) == 2
        )

    def test_a_task_that_is_being_deleted_gets_no_job(self) -> None:
        task = raw_task()
        task["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:05Z"
        plan = plan_for(task=task)
        assert (plan.create_job, plan.status) == (None, None)
        assert plan.record is not None
        assert plan.record["status"] == "canceled"

    def test_a_spec_that_cannot_be_read_stalls_the_task(self) -> None:
        plan = plan_for(task=raw_task(outputs=[{"name": "thumb", "format": "jpeg-xl"}]))
        state, reason, message = story(plan)
        assert (state, reason, plan.create_job) == (State.FAILED, Reason.INVALID, None)
        assert message.startswith("This operator cannot read spec.outputs.0.format: ")

    def test_a_task_that_cannot_become_a_job_stalls_with_the_reason(self) -> None:
        def refuse(*_: object) -> dict[str, Any]:
            raise StalledError("The recipe is too long.")

        task, observed = read(raw_task()), Observed(pool=PoolSpec())
        standing = assess(task, observed, NOW)
        plan = decide(task, observed, standing, NOW, has_place=True, job_for=refuse)
        assert story(plan) == (State.FAILED, Reason.INVALID, "The recipe is too long.")
        assert conditions(plan)["Stalled"] == "True"
        assert plan.record is not None
        error = {"code": "invalid", "message": "The recipe is too long.", "retryable": False}
        assert plan.record["error"] == error

    def test_a_final_state_that_its_own_conditions_deny_is_repaired(self) -> None:
        running_ = status_of(plan_for(raw_pod(state=running()), job=raw_job())).document()
        task = raw_task(status=running_ | {"state": "succeeded"})
        plan = plan_for(raw_pod(state=running()), job=raw_job(), task=task)
        assert status_of(plan).state is State.RUNNING
        assert plan.record is not None
        assert plan.record["status"] == "running"


class TestWaiting:
    IMAGE = raw_pod(state={"waiting": {"reason": "ErrImagePull", "message": "no such host"}})
    BACKOFF = raw_pod(
        state={
            "waiting": {
                "reason": "ImagePullBackOff",
                "message": 'Back-off pulling image "processor:1": ErrImagePull: no such host',
            }
        }
    )

    def test_a_short_wait_is_not_told(self) -> None:
        plan = plan_for(self.IMAGE, job=raw_job(), now="00:00:03")
        assert plan.status is None
        assert plan.requeue_after == 3

    @pytest.mark.parametrize("pod", [IMAGE, BACKOFF])
    def test_an_image_that_cannot_be_pulled_is_told_in_one_way(self, pod: dict[str, Any]) -> None:
        plan = plan_for(pod, job=raw_job())
        assert story(plan) == (
            State.QUEUED,
            Reason.IMAGE_UNAVAILABLE,
            "The image processor:1 cannot be pulled. no such host",
        )

    def test_a_pod_without_a_node_is_told(self) -> None:
        pod = raw_pod(conditions={"PodScheduled": "False"})
        assert story(plan_for(pod, job=raw_job())) == (
            State.QUEUED,
            Reason.UNSCHEDULABLE,
            "No node takes the pod: about PodScheduled",
        )

    def test_a_container_that_is_being_created_waits_for_nothing(self) -> None:
        pod = raw_pod(state={"waiting": {"reason": "ContainerCreating"}})
        assert plan_for(pod, job=raw_job()).status is None

    def test_a_job_without_a_pod_is_asked_about_after_a_while(self) -> None:
        assert plan_for(job=raw_job(), now="00:00:03").asks_why is False
        plan = plan_for(job=raw_job())
        assert plan.asks_why is True
        assert plan.requeue_after == 10

    @pytest.mark.parametrize(
        ("complaint", "reason"),
        [
            ("pods is forbidden: exceeded quota: small, requested: pods=1", Reason.QUOTA_EXCEEDED),
            ('violates PodSecurity "restricted:latest"', Reason.REFUSED),
            ("unable to create: namespace media is being terminated", Reason.NAMESPACE_TERMINATING),
        ],
    )
    def test_what_kubernetes_complains_of_is_told(self, complaint: str, reason: Reason) -> None:
        plan = plan_for(job=raw_job(), complaint=complaint)
        assert story(plan) == (State.QUEUED, reason, complaint)

    def test_a_complaint_is_over_once_there_is_a_pod(self) -> None:
        before = status_of(plan_for(job=raw_job(), complaint="exceeded quota")).document()
        plan = plan_for(
            raw_pod(), job=raw_job(), complaint="exceeded quota", task=raw_task(status=before)
        )
        assert story(plan)[1] is Reason.PENDING


class TestPool:
    def test_without_a_place_nothing_is_started_and_nothing_written(self) -> None:
        plan = plan_for(has_place=False)
        assert (plan.create_job, plan.status) == (None, None)
        assert plan.record is not None
        assert plan.record["reason"] == "WaitingForPool"

    @pytest.mark.parametrize(
        ("spec", "pool", "reason"),
        [
            ({"suspend": True}, PoolSpec(), Reason.SUSPENDED),
            ({}, PoolSpec(suspend=True), Reason.SUSPENDED),
            ({"pool": "gpu"}, None, Reason.POOL_NOT_FOUND),
        ],
    )
    def test_what_keeps_it_from_starting_is_told(
        self, spec: dict[str, Any], pool: PoolSpec | None, reason: Reason
    ) -> None:
        plan = plan_for(task=raw_task(**spec), pool=pool)
        assert starts(plan) is None
        assert story(plan)[:2] == (State.QUEUED, reason)

    def test_when_the_cause_is_gone_it_starts(self) -> None:
        before = status_of(plan_for(pool=PoolSpec(suspend=True))).document()
        plan = plan_for(task=raw_task(status=before))
        assert starts(plan) == 1
        assert story(plan)[1] is Reason.PENDING

    def test_what_runs_goes_on_in_a_suspended_pool(self) -> None:
        plan = plan_for(raw_pod(state=running()), job=raw_job(), pool=PoolSpec(suspend=True))
        assert story(plan)[1] is Reason.RUNNING

    def test_a_queue_of_kueue_needs_no_place_and_is_told_while_it_holds_the_job(self) -> None:
        task = raw_task(queueName="batch")
        assert starts(plan_for(task=task, has_place=False)) == 1
        held = plan_for(task=task, job=raw_job(suspend=True), has_place=False)
        assert story(held)[:2] == (State.QUEUED, Reason.HELD_BY_KUEUE)
        assert held.asks_why is False

    def test_the_time_in_a_queue_of_kueue_is_not_the_tasks(self) -> None:
        task = raw_task(queueName="batch", deadlineSeconds=10)
        plan = plan_for(task=task, job=raw_job(suspend=True), now="00:05:00")
        assert story(plan)[1] is Reason.HELD_BY_KUEUE


class TestRun:
    def test_a_running_container_makes_the_task_run(self) -> None:
        plan = plan_for(raw_pod(state=running(), phase="Running"), job=raw_job())
        assert story(plan) == (State.RUNNING, Reason.RUNNING, "A processor is at work.")
        assert status_of(plan).attempts == 1
        assert status_of(plan).started_at == at("00:00:10")

    def test_exit_0_with_a_report_is_success_before_the_job_says_so(self) -> None:
        plan = plan_for(raw_pod(state=terminated(0, REPORT)), job=raw_job())
        assert story(plan) == (State.SUCCEEDED, Reason.PROCESSED, "1 output was written.")
        assert conditions(plan) == {"Ready": "True", "Succeeded": "True"}
        assert status_of(plan).finished_at == at("00:00:20")
        assert plan.record is not None
        assert plan.record["outputs"][0]["name"] == "thumb"

    @pytest.mark.parametrize(
        "message", ["", "{", "null", ERROR, '{"outputs": []}', REPORT.replace("thumb", "other")]
    )
    def test_exit_0_without_a_report_of_these_outputs_is_a_failure(self, message: str) -> None:
        plan = plan_for(raw_pod(state=terminated(0, message)), job=raw_job())
        assert story(plan)[:2] == (State.FAILED, Reason.RETRIES_EXHAUSTED)
        error = status_of(plan).error
        assert error
        assert error.code == "report_lost"

    def test_exit_65_fails_at_once_with_the_reports_error(self) -> None:
        pod = raw_pod(state=terminated(65, ERROR), phase="Failed")
        plan = plan_for(pod, job=raw_job())
        assert story(plan) == (State.FAILED, Reason.REJECTED, "No picture.")
        error = status_of(plan).error
        assert error
        assert (error.code, error.retryable) == ("corrupt_image", False)

    def test_exit_65_without_a_report_is_rejected_all_the_same(self) -> None:
        plan = plan_for(raw_pod(state=terminated(65), phase="Failed"), job=raw_job())
        assert story(plan)[1] is Reason.REJECTED

    def test_a_failed_try_is_followed_by_another(self) -> None:
        pod = raw_pod(state=terminated(137, reason="OOMKilled"), phase="Failed")
        plan = plan_for(pod, job=raw_job(), now="00:00:25")
        assert story(plan) == (
            State.RUNNING,
            Reason.RETRYING,
            (
                "Try 1 failed. The processor was killed because it needed more memory than it may "
                "have. Raise the memory limit of its pool (spec.template.resources) or of all (the "
                "chart's processor.memoryLimit), or send a smaller source. Another follows."
            ),
        )
        assert status_of(plan).finished_at is None
        (entry,) = status_of(plan).tries
        assert (entry.number, entry.node, entry.exit_code) == (1, "node-1", 137)
        assert (entry.started_at, entry.finished_at) == (at("00:00:10"), at("00:00:20"))
        assert entry.error
        assert entry.error.code == "out_of_memory"

    @pytest.mark.parametrize(
        ("conditions", "code"),
        [({}, "out_of_memory"), ({"DisruptionTarget": "True"}, "disrupted")],
    )
    def test_a_kill_without_a_reason_is_one_for_memory_unless_its_node_went(
        self, conditions: dict[str, str], code: str
    ) -> None:
        pod = raw_pod(state=terminated(137), phase="Failed", conditions=conditions)
        (entry,) = status_of(plan_for(pod, job=raw_job(), now="00:00:25")).tries
        assert entry.error
        assert (entry.error.code, entry.error.retryable) == (code, True)

    def test_the_next_try_waits_for_its_time_and_its_place(self) -> None:
        early = plan_for(failed_pod(1), job=raw_job(), now="00:00:25")
        assert starts(early) is None
        due_at = status_of(early).next_try_at
        assert due_at is not None
        assert at("00:00:30") <= due_at <= at("00:00:32")
        assert early.requeue_after == (due_at - at("00:00:25")).total_seconds()
        task = raw_task(status=status_of(early).document())
        assert starts(plan_for(failed_pod(1), job=raw_job(), task=task, now="00:00:32")) == 2
        late = plan_for(failed_pod(1), job=raw_job(), task=task, now="00:00:32", has_place=False)
        assert starts(late) is None
        assert story(late)[:2] == (State.RUNNING, Reason.WAITING)

    def test_a_container_that_could_not_be_started_was_not_at_work_since_1970(self) -> None:
        state = terminated(128, reason="StartError")
        state["terminated"]["startedAt"] = "1970-01-01T00:00:00Z"
        plan = plan_for(raw_pod(state=state, phase="Failed"), job=raw_job(), now="00:00:25")
        assert story(plan)[:2] == (State.RUNNING, Reason.RETRYING)
        assert status_of(plan).started_at is None
        assert status_of(plan).tries[0].started_at is None

    def test_the_next_try_has_what_is_left_of_the_time(self) -> None:
        task = raw_task(deadlineSeconds=100, backoff={"initialSeconds": 0})
        plan = plan_for(failed_pod(1), job=raw_job(), task=task, now="00:00:40")
        assert plan.create_job
        assert plan.create_job["seconds"] == 60

    def test_the_time_runs_out_between_two_tries(self) -> None:
        task = raw_task(deadlineSeconds=25, backoff={"initialSeconds": 60})
        waiting = plan_for(failed_pod(1), job=raw_job(), task=task, now="00:00:21")
        assert waiting.requeue_after == 4
        plan = plan_for(failed_pod(1), job=raw_job(), task=task, now="00:00:25")
        assert story(plan)[:2] == (State.FAILED, Reason.DEADLINE_EXCEEDED)
        assert status_of(plan).dead_lettered

    def test_a_try_is_believed_after_its_pod_and_job_are_gone(self) -> None:
        status = status_of(plan_for(failed_pod(1), job=raw_job(), now="00:00:25")).document()
        plan = plan_for(task=raw_task(status=status), now="00:00:40")
        assert starts(plan) == 2
        assert len(status_of(plan).tries) == 1

    def test_the_last_try_that_fails_ends_the_task_before_the_job_says_so(self) -> None:
        tries = [failed_pod(n) for n in (1, 2, 3)]
        plan = plan_for(*tries, jobs=[raw_job(number=n) for n in (1, 2, 3)])
        assert status_of(plan).dead_lettered
        assert story(plan) == (
            State.FAILED,
            Reason.RETRIES_EXHAUSTED,
            "3 tries failed. The last: The processor ended with exit code 70.",
        )
        assert status_of(plan).attempts == 3

    def test_a_drained_node_is_no_failed_try(self) -> None:
        pod = raw_pod(
            state=terminated(143), phase="Failed", conditions={"DisruptionTarget": "True"}
        )
        plan = plan_for(pod, job=raw_job(), task=raw_task(retries=0))
        assert story(plan)[:2] == (State.RUNNING, Reason.DISRUPTED)
        assert starts(plan) is None
        assert status_of(plan).tries[0].disrupted

    def test_a_pod_that_was_drained_while_nobody_looked_is_no_failed_try(self) -> None:
        before = status_of(plan_for(raw_pod(state=running()), job=raw_job())).document()
        task = raw_task(status=before, retries=0)
        plan = plan_for(raw_pod(number=2, job=1, state=running()), job=raw_job(), task=task)
        assert story(plan)[1] is Reason.RUNNING
        assert [entry.disrupted for entry in status_of(plan).tries] == [True, False]

    def test_a_pod_that_the_job_deletes_is_left_to_the_job_to_judge(self) -> None:
        pod = raw_pod(
            state=terminated(143), phase="Failed", deletionTimestamp="2026-01-01T00:00:25Z"
        )
        plan = plan_for(pod, job=raw_job(), task=raw_task(retries=0))
        assert status_of(plan).state is State.RUNNING

    def test_an_evicted_pod_is_a_failed_try(self) -> None:
        pod = raw_pod(phase="Failed")
        pod["status"]["reason"] = "Evicted"
        assert "given up (Evicted)" in story(plan_for(pod, job=raw_job()))[2]

    @pytest.mark.parametrize(
        ("reason", "expected"),
        [
            ("BackoffLimitExceeded", Reason.RETRIES_EXHAUSTED),
            ("PodFailurePolicy", Reason.REJECTED),
            ("DeadlineExceeded", Reason.DEADLINE_EXCEEDED),
        ],
    )
    @pytest.mark.parametrize("type_", ["Failed", "FailureTarget"])
    def test_a_failed_job_ends_the_task_though_its_pods_are_gone(
        self, type_: str, reason: str, expected: Reason
    ) -> None:
        job = raw_job(conditions={type_: reason})
        plan = plan_for(job=job, task=raw_task(retries=0), now="00:01:10")
        assert story(plan)[:2] == (State.FAILED, expected)
        assert status_of(plan).finished_at == at("00:01:00")
        assert plan.create_job is None

    def test_a_failed_job_keeps_the_reports_error(self) -> None:
        pod = raw_pod(state=terminated(75, ERROR), phase="Failed")
        job = raw_job(conditions={"Failed": "BackoffLimitExceeded"})
        assert story(plan_for(pod, job=job, task=raw_task(retries=0)))[2] == "No picture."

    def test_a_complete_job_whose_pod_is_gone_has_lost_its_report(self) -> None:
        job = raw_job(conditions={"Complete": "CompletionsReached"})
        plan = plan_for(job=job, now="00:01:10")
        error = status_of(plan).error
        assert error
        assert error.code == "report_lost"

    @pytest.mark.parametrize(
        "conditions",
        [
            {"Complete": "CompletionsReached"},
            {"Failed": "BackoffLimitExceeded"},
            {"Failed": "PodFailurePolicy"},
        ],
    )
    def test_a_verdict_that_comes_before_the_pods_end_waits_for_it(
        self, conditions: dict[str, str]
    ) -> None:
        job = raw_job(conditions=conditions)
        at_work = raw_pod(state=running(), phase="Running")
        assert story(plan_for(at_work, job=job, now="00:05:00"))[1] is Reason.RUNNING
        unseen = plan_for(job=job, now="00:01:02")
        assert (unseen.status, unseen.create_job, unseen.requeue_after) == (None, None, 3)
        done = plan_for(raw_pod(state=terminated(0, REPORT)), job=job, now="00:01:02")
        assert story(done)[1] is Reason.PROCESSED

    def test_attempts_never_decrease(self) -> None:
        task = raw_task(status={"state": "running", "attempts": 4})
        plan = plan_for(raw_pod(state=running()), job=raw_job(), task=task)
        assert status_of(plan).attempts == 4

    def test_what_has_run_is_not_queued_again(self) -> None:
        plan = plan_for(job=raw_job(), task=raw_task(status={"state": "running"}))
        assert story(plan)[:2] == (State.RUNNING, Reason.RETRYING)

    @given(failures=st.integers(1, 11), initial=st.integers(0, 3600), longest=st.integers(0, 86400))
    def test_the_wait_doubles_up_to_its_limit_and_a_fifth(
        self, failures: int, initial: int, longest: int
    ) -> None:
        terms = Backoff(initial_seconds=initial, max_seconds=longest)
        wait = backoff_of("uid", terms, failures).total_seconds()
        assert min(initial * 2 ** (failures - 1), longest) <= wait + 0.5
        assert wait <= min(initial * 2 ** (failures - 1), longest) * 1.2 + 0.5
        assert wait == backoff_of("uid", terms, failures).total_seconds()


class TestReplay:
    def replay(self, token: str, **status: Any) -> Plan:
        task = raw_task(status=finished("failed", **status))
        task["metadata"] |= {
            "annotations": {names.REPLAY_ANNOTATION: token},
            "labels": {names.USER_LABEL: "u", "other": "x"},
        }
        return plan_for(task=task)

    def test_the_annotation_makes_a_copy_that_names_its_origin(self) -> None:
        plan = self.replay("1")
        assert plan.create_task
        metadata = plan.create_task["metadata"]
        assert (metadata["name"], metadata["labels"]) == (
            names.replay_name("a", "1"),
            {names.USER_LABEL: "u"},
        )
        assert plan.create_task["spec"] == raw_task()["spec"] | {"origin": "a"}
        assert status_of(plan).replayed == "1"

    def test_each_value_makes_one_copy(self) -> None:
        assert self.replay("1", replayed="1").create_task is None
        assert self.replay("2", replayed="1").create_task is not None

    def test_a_task_that_succeeded_is_not_replayed(self) -> None:
        task = raw_task(status=finished("succeeded"))
        task["metadata"]["annotations"] = {names.REPLAY_ANNOTATION: "1"}
        assert plan_for(task=task).create_task is None


class TestEnd:
    def test_a_finished_status_is_never_computed_again(self) -> None:
        task = raw_task(status=finished("failed"))
        plan = plan_for(raw_pod(state=terminated(0, REPORT)), task=task)
        assert (plan.status, plan.create_job) == (None, None)

    def test_a_finished_task_is_recorded_until_it_is_known_to_be(self) -> None:
        task = raw_task(status=finished())
        record = plan_for(task=task).record
        assert record is not None
        assert record["status"] == "succeeded"
        assert plan_for(task=task, is_recorded=True).record is None

    def test_it_is_looked_at_again_when_its_time_is_over(self) -> None:
        task = raw_task(status=finished(), ttlSecondsAfterFinished=60)
        assert plan_for(task=task).requeue_after == 50

    def test_it_is_deleted_after_its_time_once_it_is_recorded(self) -> None:
        task = raw_task(status=finished(), ttlSecondsAfterFinished=5)
        assert plan_for(task=task, is_recorded=True).delete_task
        assert not plan_for(task=task, is_recorded=False).delete_task

    def test_a_task_that_was_deleted_before_its_end_is_canceled(self) -> None:
        task = raw_task(status={"state": "running", "attempts": 1})
        plan = plan_for(raw_pod(state=running()), task=task, is_gone=True)
        assert plan.record is not None
        assert plan.record["status"] == "canceled"
        assert (plan.status, plan.forget) == (None, True)

    @pytest.mark.parametrize("is_gone", [True, False])
    def test_what_a_canceled_task_still_has_is_stopped(self, *, is_gone: bool) -> None:
        task = raw_task()
        task["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:05Z"
        pods = [failed_pod(1), raw_pod(number=2, state=running(), phase="Running")]
        done = raw_job(number=1, conditions={"Failed": "BackoffLimitExceeded"})
        plan = plan_for(*pods, jobs=[done, raw_job(number=2)], task=task, is_gone=is_gone)
        assert plan.stop
        ended = plan_for(failed_pod(1), jobs=[done], task=task, is_gone=is_gone)
        assert not ended.stop

    def test_a_task_that_had_ended_before_it_was_deleted_is_not_canceled(self) -> None:
        plan = plan_for(raw_pod(state=terminated(0, REPORT)), is_gone=True)
        assert plan.record is not None
        assert plan.record["status"] == "succeeded"

    def test_a_finished_task_that_is_gone_is_forgotten(self) -> None:
        plan = plan_for(task=raw_task(status=finished()), is_recorded=True, is_gone=True)
        assert plan == Plan(forget=True)

    def test_a_status_of_another_version_still_says_that_it_is_final(self) -> None:
        task = raw_task(status=finished(phase="from the future"))
        assert plan_for(task=task).status is None


states: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just(running()),
    st.builds(
        terminated,
        st.sampled_from([0, 65, 70, 75, 137, 143]),
        st.sampled_from([REPORT, ERROR, "", "nonsense"]),
    ),
    st.just({"waiting": {"reason": "ImagePullBackOff", "message": "no"}}),
    st.just({}),
)
pod_lists = st.lists(states, max_size=4).map(
    lambda found: [
        raw_pod(
            number=number,
            state=state,
            phase="Failed" if state.get("terminated", {}).get("exitCode") else "Running",
        )
        for number, state in enumerate(found, 1)
    ]
)
jobs = st.sampled_from(
    [None, raw_job(), raw_job(number=3), raw_job(conditions={"Failed": "BackoffLimitExceeded"})]
)


@given(pods=pod_lists, job=jobs)
def test_a_plan_for_what_was_carried_out_has_nothing_to_do(
    pods: list[dict[str, Any]], job: dict[str, Any] | None
) -> None:
    first = plan_for(*pods, job=job)
    after = raw_task(status=first.status.document() if first.status else None)
    made = [raw_job(number=starts(first) or 1, created="2026-01-01T00:00:30Z")]
    jobs = [job] if job else []
    second = plan_for(*pods, jobs=jobs + (made if first.create_job else []), task=after)
    assert (second.status, second.create_job) == (None, None)
    is_same = second.record == first.record
    assert is_same


@given(before=pod_lists, after=pod_lists)
def test_a_task_never_goes_back(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> None:
    rank = {State.QUEUED: 0, State.RUNNING: 1}
    first = plan_for(*before, job=raw_job()).status or TaskStatus(state=State.QUEUED)
    second = plan_for(*after, job=raw_job(), task=raw_task(status=first.document())).status or first
    assert first.state
    assert second.state
    assert rank.get(second.state, 2) >= rank.get(first.state, 2)
    assert second.attempts >= first.attempts


NAMED = raw_task(outputs=[], recipe="web")


class TestRecipe:
    @pytest.mark.parametrize(
        ("recipe", "reason", "sentence"),
        [
            (None, Reason.RECIPE_NOT_FOUND, "There is no ProcessingRecipe web"),
            (raw_recipe(type="Video"), Reason.INVALID, "cannot be read"),
            (raw_recipe() | {"spec": {"outputs": 3}}, Reason.INVALID, "cannot be read"),
        ],
    )
    def test_a_task_waits_for_a_recipe_that_it_can_use(
        self, recipe: dict[str, Any] | None, reason: Reason, sentence: str
    ) -> None:
        plan = plan_for(task=NAMED, recipe=recipe)
        assert starts(plan) is None
        state, told, message = story(plan)
        assert (state, told) == (State.QUEUED, reason)
        assert sentence in message

    def test_a_recipe_for_another_type_says_so(self) -> None:
        video = {"name": "a", "format": "webp", "video": {"poster": {}}}
        recipe = raw_recipe() | {"spec": {"type": "Video", "outputs": [video]}}
        assert "is for tasks of type Video" in story(plan_for(task=NAMED, recipe=recipe))[2]

    def test_what_the_recipe_says_is_written_down_before_anything_starts(self) -> None:
        plan = plan_for(task=NAMED, recipe=raw_recipe(generation=7))
        assert starts(plan) is None
        kept = status_of(plan).recipe
        assert kept
        assert (kept.name, kept.generation) == ("web", 7)
        assert plan.requeue_after is not None
        assert plan.record
        assert plan.record["recipe_outputs"][0]["name"] == "thumb"

    def test_from_then_on_the_recipe_is_not_asked_any_more(self) -> None:
        kept = status_of(plan_for(task=NAMED, recipe=raw_recipe())).document()
        task = raw_task(outputs=[], recipe="web", status=kept)
        assert starts(plan_for(task=task, recipe=None)) == 1
        assert starts(plan_for(task=task, recipe=raw_recipe("web", "other"))) == 1
        done = raw_pod(state=terminated(0, REPORT), phase="Succeeded")
        plan = plan_for(done, job=raw_job(), task=task, recipe=raw_recipe("web", "other"))
        assert story(plan)[0] is State.SUCCEEDED
        assert status_of(plan).recipe


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"type": "Inspect", "outputs": []}, "The facts of the source were written."),
        (
            {
                "type": "Cleanup",
                "outputs": [],
                "source": None,
                "cleanup": {"olderThanSeconds": 3600},
            },
            "Old files were removed.",
        ),
    ],
)
def test_a_task_without_outputs_succeeds_with_an_empty_report(
    spec: dict[str, Any], sentence: str
) -> None:
    pod = raw_pod(state=terminated(0, '{"outputs": []}'), phase="Succeeded")
    plan = plan_for(pod, job=raw_job(), task=raw_task(**spec))
    assert story(plan) == (State.SUCCEEDED, Reason.PROCESSED, sentence)
