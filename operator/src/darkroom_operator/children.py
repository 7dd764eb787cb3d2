"""Jobs and pods, cut down to what decisions need.

A pod's spec carries its assignment (up to 120 kB), and managedFields are a third of the rest: both
are dropped before anything is kept.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from darkroom_core.conditions import Reason
from darkroom_core.names import PROCESSOR_CONTAINER, TASK_UID_LABEL, TRY_LABEL

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
    """A Job: one try, or several where disruptions ended all but the last."""

    uid: str
    name: str
    key: str
    """Its task's UID."""
    number: int
    created_at: datetime
    started_at: datetime | None
    """Since when its deadline runs; None while it is suspended."""
    is_suspended: bool
    is_leaving: bool
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
class Hindrance:
    """What a start waits for, where that is more than time."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod: one try."""

    uid: str
    name: str
    key: str
    """Its task's UID."""
    number: int
    job: str
    node: str | None
    created_at: datetime
    is_leaving: bool
    is_disrupted: bool
    """Whether it ended for its node's sake: that is no failed try."""
    has_failed: bool
    reason: str
    """Why the kubelet or the controllers gave it up (Evicted, for example); often empty."""
    hindrance: Hindrance | None
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
        key=_label(metadata, TASK_UID_LABEL),
        number=_number(metadata),
        created_at=_time(metadata["creationTimestamp"]),
        started_at=_optional_time(status.get("startTime")),
        is_suspended=bool((raw.get("spec") or {}).get("suspend")),
        is_leaving="deletionTimestamp" in metadata,
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
        key=_label(metadata, TASK_UID_LABEL),
        number=_number(metadata),
        job=next(
            (o["name"] for o in metadata.get("ownerReferences") or () if o.get("controller")), ""
        ),
        node=(raw.get("spec") or {}).get("nodeName"),
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


def _hindrance(
    image: str, waiting: dict[str, Any], conditions: dict[str, dict[str, Any]]
) -> Hindrance | None:
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        message = f"No node takes the pod: {scheduled.get('message', '')}"
        return Hindrance(Reason.UNSCHEDULABLE, message.strip())
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}:
        # The kubelet alternates between the first two; one sentence for both is one write.
        detail = message.partition("ErrImagePull: ")[2] if "Back-off" in message else message
        sentence = f"The image {image} cannot be pulled. {detail}".strip()
        return Hindrance(Reason.IMAGE_UNAVAILABLE, sentence)
    if reason in {"", "ContainerCreating", "PodInitializing"}:
        return None
    sentence = f"The container does not start: {reason}. {message}".strip()
    return Hindrance(Reason.START_FAILED, sentence)


def hindrance_of(complaint: str) -> Hindrance:
    """Read why no object is made from what the API server said about it."""
    if "exceeded quota" in complaint:
        return Hindrance(Reason.QUOTA_EXCEEDED, complaint)
    if "being terminated" in complaint:
        return Hindrance(Reason.NAMESPACE_TERMINATING, complaint)
    return Hindrance(Reason.REFUSED, complaint)


def _verdict(conditions: dict[str, dict[str, Any]], types: tuple[str, ...]) -> Verdict | None:
    for type_ in types:
        if condition := conditions.get(type_):
            return Verdict(
                reason=condition.get("reason") or "",
                message=condition.get("message") or "",
                at=_time(condition["lastTransitionTime"]),
            )
    return None


def _label(metadata: dict[str, Any], name: str) -> str:
    label: str = (metadata.get("labels") or {}).get(name, "")
    return label


def _number(metadata: dict[str, Any]) -> int:
    label = _label(metadata, TRY_LABEL)
    return int(label) if label.isdecimal() else 1


def _optional_time(text: str | None) -> datetime | None:
    # Of a container that could not be started containerd says that it started in 1970.
    moment = _time(text) if text else None
    return moment if moment and moment.timestamp() > 0 else None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
