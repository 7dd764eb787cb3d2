"""What a trace says of a task: each reconciliation that did something, and its processors' work.

A processor exports nothing: what it did is read from its report. Ids follow from the task and its
pods, so that a span that is told twice is the same span.
"""

from collections.abc import Sequence
from typing import Final

from darkroom_core import names
from darkroom_core.recipe import all_files
from darkroom_core.report import Report
from darkroom_core.task import TaskStatus
from darkroom_core.trace_context import TraceContext, processing, starting
from darkroom_core.tracing import Span

from darkroom_operator.children import Pod
from darkroom_operator.decide import Plan
from darkroom_operator.task import Task
from darkroom_operator.tries import newly_ended, report_of

_MOST_STEPS: Final = 64
_LONGEST: Final = 1_000_000.0
# The kubelet's times have whole seconds; more apart than that is another clock's mistake.
_APART: Final = 30.0


def acts(plan: Plan) -> bool:
    """Whether a plan changes anything: a look that finds nothing to do is no span."""
    changes = plan.create_job or plan.create_task or plan.status
    return bool(changes or plan.delete_task or plan.stop)


def started_by(plan: Plan, task: Task, parent: TraceContext) -> TraceContext | None:
    """Return the span of a reconciliation that starts a try; None where it starts none."""
    if plan.create_job is None:
        return None
    number = int(plan.create_job["metadata"]["labels"][names.TRY_LABEL])
    return starting(parent, task.uid, number)


def reconciliation(  # noqa: PLR0913  # what a span is
    task: Task,
    plan: Plan,
    context: TraceContext,
    parent: TraceContext,
    *,
    start: float,
    end: float,
    error: str | None = None,
) -> Span:
    """Return the span of a reconciliation."""
    attributes = {"darkroom.task.id": task.metadata.name, "darkroom.task.uid": task.uid}
    if plan.create_job:
        attributes["k8s.job.name"] = plan.create_job["metadata"]["name"]
    if plan.status and plan.status.state:
        attributes["darkroom.task.state"] = plan.status.state.value
    return Span("reconcile", context, parent, start, end, "INTERNAL", attributes, error)


def ended(task: Task, status: TaskStatus, pods: Sequence[Pod]) -> list[Span]:
    """Return the work of the tries that the written status tells to have ended since."""
    parent = task.trace
    if parent is None or task.spec is None:
        return []
    files = all_files(task.spec.outputs)
    return [
        span
        for pod in newly_ended(task.status, status, pods)
        for span in _work(task, pod, report_of(pod, files) or Report(), parent)
    ]


def _work(task: Task, pod: Pod, report: Report, parent: TraceContext) -> list[Span]:
    """Return a processor's span, and those of its steps below it."""
    if pod.started_at is None:
        return []
    # A disrupted pod's try goes on in another pod, which is the one that the Job was told of.
    context = (
        parent.child(task.uid, pod.uid)
        if pod.is_disrupted
        else processing(parent, task.uid, pod.number)
    )
    start = pod.started_at.timestamp()
    if report.started is not None and abs(report.started - start) <= _APART:
        start = report.started
    steps = [
        Span(
            step.name,
            context.child(pod.uid, step.name),
            context,
            start + step.start,
            start + step.start + step.seconds,
        )
        for step in report.steps[:_MOST_STEPS]
        if 0 <= step.start <= _LONGEST and 0 <= step.seconds <= _LONGEST
    ]
    told = pod.end.at.timestamp() if pod.end and pod.end.at else start
    end = max([start, told, *(step.end for step in steps)])
    above = starting(parent, task.uid, pod.number)
    attributes: dict[str, str | int] = {
        "service.peer.name": "darkroom-processor",
        "darkroom.task.id": task.metadata.name,
        "darkroom.try": pod.number,
        "k8s.pod.name": pod.name,
    }
    if pod.node:
        attributes["k8s.node.name"] = pod.node
    if pod.end:
        attributes["process.exit.code"] = pod.end.exit_code
    error = report.error.code if report.error else "failed" if pod.has_failed else None
    return [Span("process", context, above, start, end, "INTERNAL", attributes, error), *steps]
