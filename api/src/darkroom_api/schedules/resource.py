"""Schedules as resources: pure. The owner is a label, as of tasks, and the name an annotation."""

from typing import Any, Final
from uuid import UUID

from darkroom_core import names

from darkroom_api.schedules.schemas import NewSchedule, ScheduleChange, ScheduleView
from darkroom_api.tasks.resource import MANAGER

NAME_ANNOTATION: Final = f"{names.GROUP}/name"
_OF_SPEC: Final = {
    "schedule",
    "time_zone",
    "suspend",
    "concurrency_policy",
    "starting_deadline_seconds",
}
Json = dict[str, Any]


def resource_of(wanted: NewSchedule, task: Json, *, id_: str, namespace: str, owner: UUID) -> Json:
    """Return the ProcessingSchedule to create; `task` is the spec of its tasks."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.SCHEDULE.kind,
        "metadata": {
            "namespace": namespace,
            "name": id_,
            "labels": {names.MANAGED_BY_LABEL: MANAGER, names.USER_LABEL: str(owner)},
            "annotations": {NAME_ANNOTATION: wanted.name},
        },
        "spec": {**_written(wanted), "task": {"spec": task}},
    }


def changed(resource: Json, change: ScheduleChange, task: Json | None) -> Json:
    """Return the resource with what the change says."""
    metadata = resource["metadata"]
    annotations = {**(metadata.get("annotations") or {})}
    if change.name:
        annotations[NAME_ANNOTATION] = change.name
    spec = {**resource["spec"], **_written(change)}
    if task is not None:
        spec["task"] = {**(spec.get("task") or {}), "spec": task}
    return {**resource, "metadata": {**metadata, "annotations": annotations}, "spec": spec}


def owner_of(resource: Json) -> UUID | None:
    """Return whose it is; None if it was written by hand for nobody."""
    try:
        return UUID((resource["metadata"].get("labels") or {}).get(names.USER_LABEL, ""))
    except ValueError:
        return None


def task_of(resource: Json) -> Json:
    """Return the spec of the tasks that it makes."""
    spec: Json = ((resource.get("spec") or {}).get("task") or {}).get("spec") or {}
    return spec


def view_of(resource: Json) -> ScheduleView:
    """Return it as REST shows it."""
    metadata, spec, status = resource["metadata"], resource["spec"], resource.get("status") or {}
    ready: Json = next((c for c in status.get("conditions") or () if c.get("type") == "Ready"), {})
    return ScheduleView(
        id=metadata["name"],
        name=(metadata.get("annotations") or {}).get(NAME_ANNOTATION, metadata["name"]),
        schedule=spec["schedule"],
        time_zone=spec.get("timeZone", "Etc/UTC"),
        suspend=spec.get("suspend", False),
        concurrency_policy=spec.get("concurrencyPolicy", "Allow"),
        starting_deadline_seconds=spec.get("startingDeadlineSeconds"),
        task=task_of(resource),
        created_at=metadata.get("creationTimestamp"),
        next_run_at=None if spec.get("suspend") else status.get("nextScheduleTime"),
        last_run_at=status.get("lastScheduleTime"),
        last_task=status.get("lastTask"),
        active=status.get("active") or [],
        ready={"True": True, "False": False}.get(ready.get("status", "")),
        message=ready.get("message"),
        owner=owner_of(resource),
    )


def _written(wanted: NewSchedule | ScheduleChange) -> Json:
    return wanted.model_dump(mode="json", by_alias=True, include=_OF_SPEC, exclude_none=True)
