"""What came of a task so far: read from its Job and pods, by itself and without IO.

A pod's end is visible at least a second before the Job's, so pods are believed first; the Job is
asked where pods say nothing any more (they are gone) or cannot know (its deadline).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from darkroom_core.conditions import Reason, State
from darkroom_core.exit_codes import ExitCode
from darkroom_core.recipe import Output
from darkroom_core.report import OutputReport, Report, TaskError, unpack
from darkroom_core.task import TaskSpec

from darkroom_operator.children import Job, Pod

PATIENCE: Final = timedelta(seconds=5)
"""How long a pod may wait before its task says what for: most hindrances pass by themselves."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a task is, and why."""

    state: State
    reason: Reason
    message: str
    attempts: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    outputs: tuple[OutputReport, ...] = ()
    error: TaskError | None = None


def outcome_of(spec: TaskSpec, job: Job | None, pods: Sequence[Pod], now: datetime) -> Outcome:
    """Read the outcome; `pods` are all that this task ever had and that still exist."""
    ordered = sorted(pods, key=lambda pod: pod.created_at)
    story = _ended(spec, job, ordered) or _under_way(job, ordered, now)
    started = [pod.started_at for pod in ordered if pod.started_at]
    is_running = any(pod.is_running for pod in ordered)
    return Outcome(
        state=story.state,
        reason=story.reason,
        message=story.message,
        attempts=max(len(started), (job.failed if job else 0) + is_running),
        started_at=min(started, default=None),
        finished_at=(story.finished_at or now) if story.state.is_final else None,
        outputs=story.outputs,
        error=story.error,
    )


def _ended(spec: TaskSpec, job: Job | None, pods: Sequence[Pod]) -> Outcome | None:
    for pod in pods:
        if pod.end and pod.end.exit_code == ExitCode.DONE:
            return _done(spec, pod)
        if pod.end and pod.end.exit_code == ExitCode.REJECTED:
            return _failed(Reason.REJECTED, _error(spec, pod), pod.end.at)
    failures = [pod for pod in pods if pod.has_failed and _is_of(job, pod)]
    last = _error(spec, failures[-1]) if failures else None
    if job and job.failure:
        return _failed_job(job, last)
    # A pod that is being deleted may be the Job's deadline at work: the Job will say so.
    counted = [pod for pod in failures if not pod.is_disrupted and not pod.is_leaving]
    if last and len(counted) > spec.retries:
        return _exhausted(last, len(counted), counted[-1].end.at if counted[-1].end else None)
    if job and job.completion:
        return _failed(Reason.RETRIES_EXHAUSTED, _REPORT_LOST, job.completion.at)
    return None


def _under_way(job: Job | None, pods: Sequence[Pod], now: datetime) -> Outcome:
    if any(pod.is_running for pod in pods):
        return Outcome(State.RUNNING, Reason.RUNNING, "A processor is at work.")
    failures = [pod for pod in pods if pod.has_failed and _is_of(job, pod)]
    waiting = [pod for pod in pods if not pod.has_failed and not pod.is_leaving]
    hindrance = waiting[-1].hindrance if waiting else ""
    if hindrance and now - waiting[-1].created_at < PATIENCE:
        hindrance = ""
    if failures:
        message = f"A try failed. {_how(failures[-1])} Another follows."
        return Outcome(State.RUNNING, Reason.RETRYING, _joined(message, hindrance))
    return Outcome(State.QUEUED, Reason.PENDING, hindrance or "The processor is being started.")


def patience_left(pods: Sequence[Pod], now: datetime) -> float | None:
    """Return the seconds after which a hindrance that is not told yet has to be told."""
    waits = [
        (pod.created_at + PATIENCE - now).total_seconds()
        for pod in pods
        if pod.hindrance and not pod.has_failed and not pod.is_leaving
    ]
    return min((wait for wait in waits if wait > 0), default=None)


def _done(spec: TaskSpec, pod: Pod) -> Outcome:
    ended_at = pod.end.at if pod.end else None
    report = _report(pod, spec.outputs)
    if report is None or report.error or _names(report.outputs) != _names(spec.outputs):
        return _failed(Reason.RETRIES_EXHAUSTED, _REPORT_LOST, ended_at)
    count = len(report.outputs)
    return Outcome(
        State.SUCCEEDED,
        Reason.PROCESSED,
        f"{count} output was written." if count == 1 else f"{count} outputs were written.",
        finished_at=ended_at,
        outputs=tuple(report.outputs),
    )


def _failed_job(job: Job, last: TaskError | None) -> Outcome:
    failure = job.failure
    assert failure is not None  # noqa: S101  # the caller looked
    if failure.reason == "DeadlineExceeded":
        error = TaskError(
            code="deadline_exceeded",
            message="The task was not finished in time; raise deadlineSeconds, or send less work.",
            retryable=True,
        )
        return _failed(Reason.DEADLINE_EXCEEDED, error, failure.at)
    error = last or TaskError(
        code="processor_failed", message=_cut(f"The Job failed: {failure.message}"), retryable=True
    )
    if failure.reason == "PodFailurePolicy":
        return _failed(Reason.REJECTED, error, failure.at)
    return _exhausted(error, job.failed, failure.at)


def _exhausted(error: TaskError, tries: int, at: datetime | None) -> Outcome:
    outcome = _failed(Reason.RETRIES_EXHAUSTED, error, at)
    if tries <= 1:
        return outcome
    return Outcome(
        outcome.state,
        outcome.reason,
        f"{tries} tries failed. The last: {error.message}",
        finished_at=at,
        error=error,
    )


def _failed(reason: Reason, error: TaskError, at: datetime | None) -> Outcome:
    return Outcome(State.FAILED, reason, error.message, finished_at=at, error=error)


_REPORT_LOST: Final = TaskError(
    code="report_lost",
    message="The processor ended well, but its report cannot be read; send the task again.",
    retryable=True,
)


def _error(spec: TaskSpec, pod: Pod) -> TaskError:
    """Return the report's error, or what the way the container ended says."""
    report = _report(pod, spec.outputs)
    if report and report.error:
        return report.error
    if pod.end and pod.end.exit_code == ExitCode.REJECTED:
        return TaskError(
            code="rejected",
            message="The processor refused this input and gave no reason.",
            retryable=False,
        )
    if pod.end and pod.end.reason == "OOMKilled":
        return TaskError(code="out_of_memory", message=_how(pod), retryable=True)
    return TaskError(code="processor_failed", message=_cut(_how(pod)), retryable=True)


def _how(pod: Pod) -> str:
    """Tell in a sentence how a pod failed."""
    if pod.is_disrupted:
        return "Its node was needed or lost; this does not count as a try."
    if pod.end is None:
        return f"The pod was given up ({pod.reason or 'no reason was given'})."
    if pod.end.reason == "OOMKilled":
        return "The processor needed more memory than it may have (OOMKilled)."
    report = _report(pod, ())
    if report and report.error:
        return report.error.message
    return f"The processor ended with exit code {pod.end.exit_code}."


def _report(pod: Pod, outputs: Sequence[Output]) -> Report | None:
    if pod.end is None or not pod.end.message:
        return None
    try:
        return unpack(pod.end.message, outputs)
    except Exception:  # noqa: BLE001  # whatever a broken processor may have written
        return None


def _is_of(job: Job | None, pod: Pod) -> bool:
    return job is None or pod.job_uid == job.uid


def _names(outputs: Sequence[Output] | Sequence[OutputReport]) -> list[str]:
    return [output.name for output in outputs]


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _cut(message: str) -> str:
    return message[:1024]
