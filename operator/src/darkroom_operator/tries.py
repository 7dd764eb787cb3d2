"""The tries of a task: what its status has written down, and what its pods show now.

Pods are believed where they exist, since their end is visible at least a second before the Job's.
What a status has once written about the end of a try stays.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from darkroom_core.exit_codes import ExitCode
from darkroom_core.recipe import File
from darkroom_core.report import Report, TaskError, unpack
from darkroom_core.task import MAX_TRIES, TaskStatus, Try

from darkroom_operator.children import Job, Pod

_LONGEST_MESSAGE: Final = 1024
# Where the kernel kills another process of the container first, the kubelet gives no reason.
_KILLED: Final = 137
_OUT_OF_MEMORY: Final = (
    "The processor was killed because it needed more memory than it may have. Raise the memory "
    "limit of its pool (spec.template.resources) or of all (the chart's processor.memoryLimit), or "
    "send a smaller source."
)


def tries_of(
    written: Sequence[Try],
    jobs: Sequence[Job],
    pods: Sequence[Pod],
    files: Sequence[File],
    now: datetime,
) -> list[Try]:
    """Return every try that is known of, the oldest first; `pods` are all that still exist."""
    tries = {entry.pod: entry for entry in written}
    for pod in sorted(pods, key=lambda pod: (pod.created_at, pod.name)):
        known = tries.get(pod.name)
        if known and known.finished_at:
            continue
        if pod.started_at or pod.has_failed:
            tries[pod.name] = _try_of(pod, files, now)
    alive = {pod.name for pod in pods}
    # A Job ends with its first try that counts: where it goes on, what is lost was a disruption.
    going_on = {job.name for job in jobs if not job.failure and not job.is_leaving}
    listed = [
        entry
        if entry.finished_at or entry.pod in alive
        else _lost(entry, now, disrupted=entry.job in going_on)
        for entry in tries.values()
    ]
    return _fitting(listed)


def newly_ended(before: TaskStatus, after: TaskStatus, pods: Sequence[Pod]) -> list[Pod]:
    """Return the pods of tries whose end one status tells, and the one before it did not."""
    known = {entry.pod for entry in before.tries if entry.finished_at}
    new = {entry.pod for entry in after.tries if entry.finished_at} - known
    return [pod for pod in pods if pod.name in new]


def report_of(pod: Pod, files: Sequence[File]) -> Report | None:
    """Return what the processor said at its end; None where that cannot be read."""
    if pod.end is None or not pod.end.message:
        return None
    try:
        return unpack(pod.end.message, files)
    except Exception:  # noqa: BLE001  # whatever a broken processor may have written
        return None


def error_of(pod: Pod, files: Sequence[File]) -> TaskError:
    """Return the report's error, or what the way the pod ended says."""
    if pod.is_disrupted:
        return _error("disrupted", "Its node was drained or lost; this does not count as a try.")
    report = report_of(pod, files)
    if report and report.error:
        return report.error
    if pod.end is None:
        return _error("pod_failed", f"The pod was given up ({pod.reason or 'no reason given'}).")
    if pod.end.exit_code == ExitCode.REJECTED:
        return TaskError(
            code="rejected",
            message="The processor refused this input and gave no reason.",
            retryable=False,
        )
    if pod.end.reason == "OOMKilled" or pod.end.exit_code == _KILLED:
        return _error("out_of_memory", _OUT_OF_MEMORY)
    return _error("processor_failed", f"The processor ended with exit code {pod.end.exit_code}.")


def _try_of(pod: Pod, files: Sequence[File], now: datetime) -> Try:
    return Try(
        number=pod.number,
        pod=pod.name,
        job=pod.job,
        node=pod.node,
        started_at=pod.started_at,
        finished_at=(pod.end and pod.end.at) or (now if pod.end or pod.has_failed else None),
        exit_code=pod.end.exit_code if pod.end else None,
        disrupted=pod.is_disrupted,
        error=error_of(pod, files) if pod.has_failed else None,
    )


def _lost(entry: Try, now: datetime, *, disrupted: bool) -> Try:
    error = _error("pod_lost", "The pod was deleted while it was at work.")
    return entry.model_copy(update={"finished_at": now, "error": error, "disrupted": disrupted})


def _fitting(tries: list[Try]) -> list[Try]:
    """Leave out the oldest disrupted tries where there are more than a status lists."""
    too_many = len(tries) - MAX_TRIES
    if too_many <= 0:
        return tries
    dropped = {entry.pod for entry in [t for t in tries if t.disrupted][:too_many]}
    return [entry for entry in tries if entry.pod not in dropped][-MAX_TRIES:]


def _error(code: str, message: str) -> TaskError:
    return TaskError(code=code, message=message[:_LONGEST_MESSAGE], retryable=True)
