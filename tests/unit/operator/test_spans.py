"""What a trace says of processors: from their reports, the same however often it is told."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from darkroom_core import names, trace_context
from darkroom_core.pool import PoolTemplate
from darkroom_core.task import TaskSpec, TaskStatus, Try
from darkroom_core.tracing import Span
from darkroom_operator import spans
from darkroom_operator.children import Pod, read_pod
from darkroom_operator.decide import Plan, Start
from darkroom_operator.desired.job import Processor, job_for
from darkroom_operator.store import Tasks
from darkroom_operator.task import Task, read
from darkroom_operator.testing import raw_pod, raw_task, terminated

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PROCESSOR = Processor("processor:1")
START = Start(1, PoolTemplate(), 60)
STARTED = datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC).timestamp()


def raw(**spec: Any) -> dict[str, Any]:
    task = raw_task(**spec)
    task["metadata"]["annotations"] = {names.TRACEPARENT_ANNOTATION: TRACEPARENT, "other": "x"}
    return task


def pod(*steps: tuple[str, float, float], started: float | None = None, **more: Any) -> Pod:
    report = {
        "error": {"code": "corrupt_image", "message": "no", "retryable": False},
        "steps": [{"name": n, "start": start, "seconds": took} for n, start, took in steps],
        **({"started": started} if started else {}),
    }
    return read_pod(raw_pod(state=terminated(65, json.dumps(report)), phase="Failed", **more))


def told(*pods: Pod, task: Task | None = None) -> list[Span]:
    ended = [
        Try(number=p.number, pod=p.name, job=p.job, finished_at=datetime.now(UTC)) for p in pods
    ]
    return spans.ended(task or read(raw()), TaskStatus(tries=ended), pods)


def test_steps_are_placed_in_time_by_the_processors_own_clock() -> None:
    begun = STARTED + 0.25
    work, fetch, decode = told(pod(("fetch", 0.1, 0.5), ("decode", 0.6, 2), started=begun))
    assert (work.name, work.start, work.end) == ("process", begun, STARTED + 10)
    assert (work.error, work.attributes["process.exit.code"]) == ("corrupt_image", 65)
    assert (fetch.name, fetch.start, fetch.end) == ("fetch", begun + 0.1, begun + 0.6)
    assert (decode.start, decode.parent) == (begun + 0.6, work.context)


def test_a_clock_that_is_wrong_is_not_believed() -> None:
    assert told(pod(started=STARTED + 86_400))[0].start == STARTED
    assert told(pod(started=float("inf")))[0].start == STARTED


@pytest.mark.parametrize("start", [-1.0, float("inf"), float("nan"), 1e300])
def test_a_step_at_no_time_is_left_out(start: float) -> None:
    assert [span.name for span in told(pod(("fetch", start, 1)))] == ["process"]


def test_what_is_told_twice_has_the_same_ids_and_two_pods_have_different_ones() -> None:
    one = pod(("fetch", 0, 1))
    lost = pod(("fetch", 0, 1), conditions={"DisruptionTarget": "True"}, name="b", uid="b")
    first, again = told(one, lost), told(one, lost)
    assert first == again
    assert len({span.context.span_id for span in first}) == 4


def test_the_job_knows_the_span_that_is_told_of_its_processor() -> None:
    task = read(raw())
    assert task.spec
    job = job_for(task, TaskSpec.model_validate(task.written_spec), START, PROCESSOR, "{}")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    (work,) = told(pod())
    assert environment[trace_context.VARIABLE] == work.context.traceparent
    assert task.trace
    assert work.parent == spans.started_by(Plan(create_job=job), task, task.trace)


def test_a_task_without_the_annotation_or_with_nonsense_is_not_traced() -> None:
    nonsense = raw()
    nonsense["metadata"]["annotations"][names.TRACEPARENT_ANNOTATION] = "00-garbage"
    for task in (read(raw_task()), read(nonsense)):
        assert told(pod(("fetch", 0, 1)), task=task) == []
        assert task.spec
        job = job_for(task, task.spec, START, PROCESSOR, "{}")
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert [entry["name"] for entry in container["env"]] == [names.ASSIGNMENT_VARIABLE]


def test_the_store_keeps_the_annotation_and_no_other() -> None:
    tasks = Tasks()
    tasks.remember(raw())
    kept = tasks.get("uid-a")
    assert kept
    assert kept.metadata.annotations == {names.TRACEPARENT_ANNOTATION: TRACEPARENT}
