"""A task as the operator reads it: whatever the API server holds, without ever failing.

A resource may have been written under a newer or an older definition than this operator's. Its
metadata can always be read; a spec that cannot be read becomes a problem to report.
"""

from dataclasses import dataclass
from typing import Any

from darkroom_core import names
from darkroom_core.task import Metadata, TaskSpec, TaskStatus
from darkroom_core.trace_context import TraceContext
from darkroom_core.trace_context import read as read_traceparent
from pydantic import ValidationError

from darkroom_operator.unreadable import sentence_of


@dataclass(frozen=True, slots=True)
class Task:
    """One ProcessingTask."""

    metadata: Metadata
    spec: TaskSpec | None
    """None where this operator cannot read it. Once the task was started with a recipe, its outputs
    are in the place of the recipe's name."""
    problem: str
    """Why the spec cannot be read, as a sentence; empty where it can."""
    status: TaskStatus
    written_spec: dict[str, Any]
    """The spec as it was written, for the history."""
    version: str = ""
    """The resource version that was read."""
    is_gone: bool = False
    """Whether the API server has it no more."""

    @property
    def uid(self) -> str:
        """The task's identity in space and time."""
        return self.metadata.uid

    @property
    def trace(self) -> TraceContext | None:
        """The span that its work belongs to; None where it is not traced."""
        return read_traceparent(self.metadata.annotations.get(names.TRACEPARENT_ANNOTATION))

    @property
    def is_leaving(self) -> bool:
        """Whether somebody deleted it, gone already or not."""
        return self.is_gone or self.metadata.deletion_timestamp is not None

    @property
    def is_finished(self) -> bool:
        """Whether its status is final; a state that its own conditions deny is not ours."""
        is_denied = any(
            condition.type == "Succeeded" and condition.status == "Unknown"
            for condition in self.status.conditions
        )
        return self.status.state is not None and self.status.state.is_final and not is_denied


def read(raw: dict[str, Any], *, is_gone: bool = False) -> Task:
    """Read the API server's JSON."""
    written = raw.get("spec") or {}
    status = _read_status(raw.get("status") or {})
    spec, problem = _read_spec(written)
    if spec and spec.recipe and status.recipe:
        outputs = list(status.recipe.outputs)
        spec = spec.model_copy(update={"recipe": None, "outputs": outputs})
    return Task(
        metadata=Metadata.model_validate(raw["metadata"]),
        spec=spec,
        problem=problem,
        status=status,
        written_spec=written,
        version=raw["metadata"].get("resourceVersion", ""),
        is_gone=is_gone,
    )


def _read_spec(written: dict[str, Any]) -> tuple[TaskSpec | None, str]:
    try:
        return TaskSpec.model_validate(written), ""
    except ValidationError as error:
        return None, sentence_of(error, names.TASK)


def _read_status(written: dict[str, Any]) -> TaskStatus:
    try:
        return TaskStatus.model_validate(written)
    except ValidationError:
        # A status of another version counts only as far as it says whether the task has ended.
        known = {
            key: written[key]
            for key in ("state", "attempts", "startedAt", "finishedAt")
            if key in written
        }
        try:
            return TaskStatus.model_validate(known)
        except ValidationError:
            return TaskStatus()
