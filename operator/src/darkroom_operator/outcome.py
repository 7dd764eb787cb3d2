"""What came of a task so far: read from its Jobs, pods and earlier tries, by itself and without IO.

A pod's end is visible at least a second before the Job's, so pods are believed first; the Job is
asked where pods say nothing any more (they are gone) or cannot know (its deadline).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from darkroom_core.conditions import Reason, State
from darkroom_core.exit_codes import ExitCode
from darkroom_core.recipe import all_files, files_of
from darkroom_core.report import OutputReport, Report, SourceReport, TaskError
from darkroom_core.task import Backoff, TaskSpec, TaskStatus, Try
from darkroom_core.vocabulary import TaskType

from darkroom_operator.children import Hindrance, Job, Pod, hindrance_of
from darkroom_operator.tries import error_of, report_of, tries_of

PATIENCE: Final = timedelta(seconds=5)
"""How long a start may take before its task says what for: most hindrances pass by themselves."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a task is, and why."""

    state: State
    reason: Reason
    message: str
    tries: tuple[Try, ...] = ()
    job: str | None = None
    """The name of the newest Job."""
    finished_at: datetime | None = None
    source: SourceReport | None = None
    outputs: tuple[OutputReport, ...] = ()
    error: TaskError | None = None
    dead_lettered: bool = False
    starts: int | None = None
    """The number of the try that is to be started, where none is under way."""
    next_try_at: datetime | None = None
    """When that try may start, after a failure."""
    gives_up_at: datetime | None = None
    """When the whole task's time is over, once it runs."""


def outcome_of(  # noqa: PLR0913  # all that is known of one task
    uid: str,
    spec: TaskSpec,
    status: TaskStatus,
    jobs: Sequence[Job],
    pods: Sequence[Pod],
    *,
    now: datetime,
    complaint: str = "",
) -> Outcome:
    """Read the outcome; `pods` are all that this task ever had and that still exist."""
    jobs = [_believed(job, pods, now) for job in jobs]
    tries = tries_of(status.tries, jobs, pods, all_files(spec.outputs), now)
    failures = _failures(tries, jobs, pods)
    gives_up_at = _deadline(spec, status, jobs)
    story = (
        _told_by_pods(spec, pods)
        or _told_by_jobs(jobs, failures)
        or _over(spec, failures, gives_up_at, now)
        or _under_way(jobs, pods, failures, complaint, now)
        or _to_start(uid, spec.backoff, failures)
    )
    return Outcome(
        state=story.state,
        reason=story.reason,
        message=story.message,
        tries=tuple(tries),
        job=job.name if (job := _newest(jobs)) else None,
        finished_at=(story.finished_at or now) if story.state.is_final else None,
        source=story.source,
        outputs=story.outputs,
        error=story.error,
        dead_lettered=story.reason in {Reason.RETRIES_EXHAUSTED, Reason.DEADLINE_EXCEEDED},
        starts=story.starts,
        next_try_at=story.next_try_at,
        gives_up_at=gives_up_at,
    )


@dataclass(frozen=True, slots=True)
class Failure:
    """A try that counts, and how it ended."""

    number: int
    at: datetime
    error: TaskError


def backoff_of(uid: str, backoff: Backoff, failures: int) -> timedelta:
    """Return the wait after so many failures: doubled each time, up to the limit.

    Up to a fifth is added, always the same for a task: tasks that failed together, as when storage
    was away, do not come back together.
    """
    seconds = min(backoff.initial_seconds * 2.0 ** (failures - 1), backoff.max_seconds)
    spread = hashlib.sha256(f"{uid}/{failures}".encode()).digest()[0] / 255 / 5
    return timedelta(seconds=round(seconds * (1 + spread)))


def patience_left(jobs: Sequence[Job], pods: Sequence[Pod], now: datetime) -> float | None:
    """Return the seconds after which something that is not told yet has to be told."""
    waits = [pod.created_at for pod in pods if pod.hindrance and not pod.has_failed]
    seen = {pod.number for pod in pods}
    alone = [job for job in jobs if job.number not in seen and not job.is_suspended]
    waits += [job.created_at for job in alone]
    waits += [verdict.at for job in alone if (verdict := job.failure or job.completion)]
    left = [(since + PATIENCE - now).total_seconds() for since in waits]
    return min((seconds for seconds in left if seconds > 0), default=None)


def lacks_pods(jobs: Sequence[Job], pods: Sequence[Pod], now: datetime) -> Job | None:
    """Return the Job that should have had a pod by now: something keeps it from making one."""
    job = _newest(jobs)
    if job is None or job.is_suspended or job.is_leaving or job.failure or job.completion:
        return None
    has_pod = any(pod.number == job.number for pod in pods)
    return None if has_pod or now - job.created_at < PATIENCE else job


def _believed(job: Job, pods: Sequence[Pod], now: datetime) -> Job:
    """Return the Job without a verdict that came before the end of its pod.

    Jobs and pods come by different watches, of which either may be ahead, and the report is in the
    pod. Only of a deadline the Job knows by itself.
    """
    verdict = job.failure or job.completion
    if verdict is None or verdict.reason == "DeadlineExceeded":
        return job
    own = [pod for pod in pods if pod.number == job.number]
    is_ahead = any(pod.end is None and not pod.has_failed for pod in own)
    if is_ahead or (not own and now - verdict.at < PATIENCE):
        return replace(job, failure=None, completion=None)
    return job


def _failures(tries: Sequence[Try], jobs: Sequence[Job], pods: Sequence[Pod]) -> list[Failure]:
    """Return the tries that count as failed, one for each number, the oldest first."""
    decided = {job.number for job in jobs if job.failure}
    # A pod that is being deleted may be the Job's deadline at work: the Job will say so.
    leaving = {pod.name for pod in pods if pod.is_leaving and pod.number not in decided}
    failures: dict[int, Failure] = {}
    for entry in tries:
        if entry.error and entry.finished_at and not entry.disrupted and entry.pod not in leaving:
            failures[entry.number] = Failure(entry.number, entry.finished_at, entry.error)
    for job in jobs:
        if job.failure and job.number not in failures:
            error = TaskError(
                code="processor_failed",
                message=f"The Job failed: {job.failure.message}"[:1024],
                retryable=True,
            )
            failures[job.number] = Failure(job.number, job.failure.at, error)
    return [failures[number] for number in sorted(failures)]


def _deadline(spec: TaskSpec, status: TaskStatus, jobs: Sequence[Job]) -> datetime | None:
    starts = [job.started_at for job in jobs if job.started_at]
    if status.started_at:
        starts.append(status.started_at)
    return min(starts) + timedelta(seconds=spec.deadline_seconds) if starts else None


def _told_by_pods(spec: TaskSpec, pods: Sequence[Pod]) -> Outcome | None:
    for pod in pods:
        if pod.end and pod.end.exit_code == ExitCode.DONE:
            return _done(spec, pod)
        if pod.end and pod.end.exit_code == ExitCode.REJECTED:
            return _failed(Reason.REJECTED, error_of(pod, all_files(spec.outputs)), pod.end.at)
    return None


def _told_by_jobs(jobs: Sequence[Job], failures: Sequence[Failure]) -> Outcome | None:
    for job in jobs:
        if job.failure and job.failure.reason == "DeadlineExceeded":
            return _failed(Reason.DEADLINE_EXCEEDED, _TOO_LATE, job.failure.at)
        if job.failure and job.failure.reason == "PodFailurePolicy":
            return _failed(Reason.REJECTED, failures[-1].error, job.failure.at)
        if job.completion:
            return _failed(Reason.RETRIES_EXHAUSTED, _REPORT_LOST, job.completion.at)
    return None


def _over(
    spec: TaskSpec, failures: Sequence[Failure], gives_up_at: datetime | None, now: datetime
) -> Outcome | None:
    if not failures:
        return None
    last = failures[-1]
    if len(failures) > spec.retries:
        return _exhausted(last, len(failures))
    # While a try runs its Job watches the time; between two tries nobody else does.
    if gives_up_at and now >= gives_up_at:
        return _failed(Reason.DEADLINE_EXCEEDED, _TOO_LATE, gives_up_at)
    return None


def _under_way(
    jobs: Sequence[Job],
    pods: Sequence[Pod],
    failures: Sequence[Failure],
    complaint: str,
    now: datetime,
) -> Outcome | None:
    # A pod may be seen before its Job, and after it.
    number = max([*(job.number for job in jobs), *(pod.number for pod in pods)], default=0)
    if not number or any(failure.number == number for failure in failures):
        return None
    job = next((job for job in jobs if job.number == number), None)
    own = [pod for pod in pods if pod.number == number]
    if any(pod.is_running for pod in own):
        return Outcome(State.RUNNING, Reason.RUNNING, "A processor is at work.")
    state = State.RUNNING if failures or any(pod.started_at for pod in own) else State.QUEUED
    reason, message = _waits_for(job, own, failures, complaint, now)
    return Outcome(state, reason, message)


def _waits_for(
    job: Job | None, own: Sequence[Pod], failures: Sequence[Failure], complaint: str, now: datetime
) -> tuple[Reason, str]:
    if job and job.is_suspended:
        return Reason.HELD_BY_KUEUE, "Kueue has not let its Job start yet."
    if hindrance := _hindrance(job, own, complaint, now):
        return hindrance.reason, hindrance.message
    if any(pod.is_disrupted for pod in own):
        return Reason.DISRUPTED, _DISRUPTED
    if failures:
        return Reason.RETRYING, _again(failures[-1])
    return Reason.PENDING, "The processor is being started."


def _hindrance(
    job: Job | None, own: Sequence[Pod], complaint: str, now: datetime
) -> Hindrance | None:
    waiting = [pod for pod in own if not pod.has_failed and not pod.is_leaving]
    if waiting and waiting[-1].hindrance and now - waiting[-1].created_at >= PATIENCE:
        return waiting[-1].hindrance
    if complaint and job and not own and now - job.created_at >= PATIENCE:
        return hindrance_of(complaint)
    return None


def _to_start(uid: str, backoff: Backoff, failures: Sequence[Failure]) -> Outcome:
    if not failures:
        message = "The processor is being started."
        return Outcome(State.QUEUED, Reason.PENDING, message, starts=1)
    last = failures[-1]
    return Outcome(
        State.RUNNING,
        Reason.RETRYING,
        _again(last),
        starts=last.number + 1,
        next_try_at=last.at + backoff_of(uid, backoff, len(failures)),
    )


def _again(failure: Failure) -> str:
    return f"Try {failure.number} failed. {failure.error.message} Another follows."


def _done(spec: TaskSpec, pod: Pod) -> Outcome:
    ended_at = pod.end.at if pod.end else None
    report = report_of(pod, all_files(spec.outputs))
    if report is None or report.error or not _is_whole(report, spec):
        return _failed(Reason.RETRIES_EXHAUSTED, _REPORT_LOST, ended_at)
    return Outcome(
        State.SUCCEEDED,
        Reason.PROCESSED,
        _what_was_done(spec, len(report.outputs)),
        finished_at=ended_at,
        source=report.source,
        outputs=tuple(report.outputs),
    )


def _what_was_done(spec: TaskSpec, count: int) -> str:
    if spec.type is TaskType.INSPECT:
        return "The facts of the source were written."
    if spec.type is TaskType.CLEANUP:
        return "Old files were removed."
    return f"{count} output was written." if count == 1 else f"{count} outputs were written."


def _exhausted(last: Failure, count: int) -> Outcome:
    message = last.error.message
    if count > 1:
        message = f"{count} tries failed. The last: {message}"
    return Outcome(
        State.FAILED, Reason.RETRIES_EXHAUSTED, message, finished_at=last.at, error=last.error
    )


def _failed(reason: Reason, error: TaskError, at: datetime | None) -> Outcome:
    return Outcome(State.FAILED, reason, error.message, finished_at=at, error=error)


_TOO_LATE: Final = TaskError(
    code="deadline_exceeded",
    message="The task was not finished in time; raise deadlineSeconds, or send less work.",
    retryable=True,
)
_REPORT_LOST: Final = TaskError(
    code="report_lost",
    message="The processor ended well, but its report cannot be read; send the task again.",
    retryable=True,
)
_DISRUPTED: Final = (
    "Its node was drained or lost. Another try follows when the pod is gone; if the node is gone "
    "for good, delete it (kubectl delete node)."
)


def _newest(jobs: Sequence[Job]) -> Job | None:
    return max(jobs, key=lambda job: job.number, default=None)


def _is_whole(report: Report, spec: TaskSpec) -> bool:
    """Whether every output is there: of a set, its first file, and none that is not known."""
    reported = {output.name for output in report.outputs}
    needed = {files_of(output)[0].name for output in spec.outputs}
    return needed <= reported <= {file.name for file in all_files(spec.outputs)}
