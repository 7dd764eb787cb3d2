"""A schedule as the operator reads it: whatever the API server holds, without ever failing.

A status that cannot be read whole still says what was dealt with last: forgetting that would start
tasks twice.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from darkroom_core import names
from darkroom_core.schedule import ScheduleSpec, ScheduleStatus
from darkroom_core.task import Metadata
from pydantic import ValidationError

from darkroom_operator.unreadable import sentence_of

# With a hyphen and the minutes since 1970 it is still a label's value, which ends at 63.
_STEM_LENGTH: Final = 52
_DIGEST_LENGTH: Final = 8
_MEMORY: Final = ("observedGeneration", "lastScheduleTime", "nextScheduleTime", "lastTask")


@dataclass(frozen=True, slots=True)
class Schedule:
    """One ProcessingSchedule."""

    metadata: Metadata
    spec: ScheduleSpec | None
    """None where this operator cannot read it."""
    problem: str
    """Why the spec cannot be read, as a sentence; empty where it can."""
    status: ScheduleStatus
    written_task: dict[str, Any]
    """The spec of its tasks as it was written, with the API server's defaults."""
    version: str = ""
    """The resource version that was read."""

    @property
    def uid(self) -> str:
        """The schedule's identity in space and time."""
        return self.metadata.uid

    @property
    def stem(self) -> str:
        """What its tasks are named and labelled after: its name, if it is not too long."""
        name = self.metadata.name
        if len(name) <= _STEM_LENGTH:
            return name
        digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_LENGTH]
        return f"{name[: _STEM_LENGTH - _DIGEST_LENGTH - 1].rstrip('-.')}-{digest}"

    @property
    def key(self) -> str:
        """What it and its tasks are looked up by."""
        return f"{self.metadata.namespace}/{self.stem}"

    @property
    def is_leaving(self) -> bool:
        """Whether somebody deleted it."""
        return self.metadata.deletion_timestamp is not None

    def task_name(self, time: datetime) -> str:
        """Return the name of the task of a time: always the same for that time."""
        return f"{self.stem}-{int(time.timestamp()) // 60}"


def read(raw: dict[str, Any]) -> Schedule:
    """Read the API server's JSON."""
    written = raw.get("spec") or {}
    spec, problem = _read_spec(written)
    return Schedule(
        metadata=Metadata.model_validate(raw["metadata"]),
        spec=spec,
        problem=problem,
        status=_read_status(raw.get("status") or {}),
        written_task=written["task"]["spec"] if spec and spec.task else {},
        version=raw["metadata"].get("resourceVersion", ""),
    )


def _read_spec(written: dict[str, Any]) -> tuple[ScheduleSpec | None, str]:
    try:
        return ScheduleSpec.model_validate(written), ""
    except ValidationError as error:
        return None, sentence_of(error, names.SCHEDULE)


def _read_status(written: dict[str, Any]) -> ScheduleStatus:
    try:
        return ScheduleStatus.model_validate(written)
    except ValidationError:
        return _read_parts(written, _MEMORY)


def _read_parts(written: dict[str, Any], names: Iterable[str]) -> ScheduleStatus:
    status = ScheduleStatus()
    for name in names:
        try:
            part = ScheduleStatus.model_validate({name: written.get(name)})
        except ValidationError:
            continue
        status = status.model_copy(update={f: getattr(part, f) for f in part.model_fields_set})
    return status
