"""Jobs and pods, cut down to what decisions need.

A pod's spec carries its assignment (up to 120 kB), and managedFields are a third of the rest: both
are dropped before anything is kept.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from darkroom_core.names import PROCESSOR_CONTAINER, TASK_UID_LABEL

_FAILED: Final = ("FailureTarget", "Failed")
_COMPLETE: Final = ("SuccessCriteriaMet", "Complete")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The Job controller's own decision."""

    reason: str
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Job:
    """A Job."""

    uid: str
    name: str
    task_uid: str
    is_leaving: bool
    failed: int
    """Tries that failed, as the Job controller counts them."""
    failure: Verdict | None
    completion: Verdict | None


@dataclass(frozen=True, slots=True)
class End:
    """How a container ended."""

    exit_code: int
    reason: str
    message: str
    """The termination message: the report, where the processor could write one."""
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod: one try."""

    uid: str
    name: str
    task_uid: str
    job_uid: str
    created_at: datetime
    is_leaving: bool
    is_disrupted: bool
    """Whether it ended for its node's sake: that is no failed try."""
    has_failed: bool
    reason: str
    """Why the kubelet or the controllers gave it up (Evicted, for example); often empty."""
    hindrance: str
    """What its start waits for, as a sentence, where that is more than time."""
    started_at: datetime | None
    end: End | None

    @property
    def is_running(self) -> bool:
        """Whether the processor is at work in it."""
        return self.started_at is not None and self.end is None and not self.has_failed


def read_job(raw: dict[str, Any]) -> Job:
    """Read a Job from the API server's JSON."""
    metadata, status = raw["metadata"], raw.get("status") or {}
    conditions = {c["type"]: c for c in status.get("conditions") or () if c["status"] == "True"}
    return Job(
        uid=metadata["uid"],
        name=metadata["name"],
        task_uid=_task_uid(metadata),
        is_leaving="deletionTimestamp" in metadata,
        failed=status.get("failed") or 0,
        failure=_verdict(conditions, _FAILED),
        completion=_verdict(conditions, _COMPLETE),
    )


def read_pod(raw: dict[str, Any]) -> Pod:
    """Read a pod from the API server's JSON."""
    metadata, status = raw["metadata"], raw.get("status") or {}
    conditions = {c["type"]: c for c in status.get("conditions") or ()}
    container: dict[str, Any] = next(
        (c for c in status.get("containerStatuses") or () if c["name"] == PROCESSOR_CONTAINER), {}
    )
    state = container.get("state") or {}
    running, terminated = state.get("running"), state.get("terminated")
    return Pod(
        uid=metadata["uid"],
        name=metadata["name"],
        task_uid=_task_uid(metadata),
        job_uid=next(
            (o["uid"] for o in metadata.get("ownerReferences") or () if o.get("controller")), ""
        ),
        created_at=_time(metadata["creationTimestamp"]),
        is_leaving="deletionTimestamp" in metadata,
        is_disrupted=conditions.get("DisruptionTarget", {}).get("status") == "True",
        has_failed=status.get("phase") == "Failed"
        or bool(terminated and terminated["exitCode"] != 0),
        reason=status.get("reason") or "",
        hindrance=_hindrance(container.get("image", ""), state.get("waiting") or {}, conditions),
        started_at=_optional_time((running or terminated or {}).get("startedAt")),
        end=None if terminated is None else _end(terminated),
    )


def _end(terminated: dict[str, Any]) -> End:
    return End(
        exit_code=terminated["exitCode"],
        reason=terminated.get("reason") or "",
        message=terminated.get("message") or "",
        at=_optional_time(terminated.get("finishedAt")),
    )


def _hindrance(image: str, waiting: dict[str, Any], conditions: dict[str, dict[str, Any]]) -> str:
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return f"No node takes the pod: {scheduled.get('message', '')}".strip()
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in {"ErrImagePull", "ImagePullBackOff"}:
        # The kubelet alternates between the two; one sentence for both is one write, not many.
        detail = message.partition("ErrImagePull: ")[2] if "Back-off" in message else message
        return f"The image {image} cannot be pulled. {detail}".strip()
    if reason in {"", "ContainerCreating", "PodInitializing"}:
        return ""
    return f"The container does not start: {reason}. {message}".strip()


def _verdict(conditions: dict[str, dict[str, Any]], types: tuple[str, ...]) -> Verdict | None:
    for type_ in types:
        if condition := conditions.get(type_):
            return Verdict(
                reason=condition.get("reason") or "",
                message=condition.get("message") or "",
                at=_time(condition["lastTransitionTime"]),
            )
    return None


def _task_uid(metadata: dict[str, Any]) -> str:
    label: str = (metadata.get("labels") or {}).get(TASK_UID_LABEL, "")
    return label


def _optional_time(text: str | None) -> datetime | None:
    return _time(text) if text else None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
