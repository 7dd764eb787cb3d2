"""The files that a task made, as they may be downloaded."""

from typing import Any

from darkroom_core.conditions import State
from darkroom_core.recipe import File, Format

from darkroom_api import errors
from darkroom_api.results.delivery import Stored
from darkroom_api.tasks.files import key_of, wishes_of
from darkroom_api.tasks.queries import TaskRow


def made_output(row: TaskRow, name: str) -> Stored:
    """Return the file of this name, or raise what is in the way."""
    wished = [wish.file for wish in wishes_of(row.spec, row.recipe_outputs)]
    # The files of a set name each other as storage and a ZIP call them.
    name = next((f.name for f in wished if name == f"{f.name}.{f.format.extension}"), name)
    if name not in {file.name for file in wished}:
        raise errors.NotFoundError(f"the task has no output {name}")
    _refuse_unfinished(row)
    made = next((output for output in row.outputs if output["name"] == name), None)
    if made is None and State(row.status) is State.SUCCEEDED:
        raise errors.NotFoundError(f"the source is too small or too short for {name}")
    if made is None:
        raise errors.NoOutputError(f"the task has {row.status}, and made no outputs")
    return _stored(row, made)


def made_outputs(row: TaskRow) -> list[Stored]:
    """Return every file, one at least, or raise what is in the way."""
    _refuse_unfinished(row)
    if State(row.status) is not State.SUCCEEDED or not row.outputs:
        raise errors.NoOutputError(f"the task has {row.status}, and made no outputs")
    return [_stored(row, made) for made in row.outputs]


def _refuse_unfinished(row: TaskRow) -> None:
    if not State(row.status).is_final:
        raise errors.NotReadyError(f"the task is {row.status}: its outputs are not ready yet")


def _stored(row: TaskRow, made: dict[str, Any]) -> Stored:
    name, format_ = made["name"], Format(made["format"])
    if row.outputs_deleted_at:
        raise errors.OutputGoneError(
            f"what was made as {name} was kept until {row.outputs_deleted_at:%Y-%m-%d %H:%M} UTC"
        )
    key = key_of(row.uid or "", File(name, format_))
    if any(key.startswith(prefix) for prefix in row.cleaned_prefixes):
        raise errors.OutputGoneError(f"what was made as {name} was removed by a cleanup")
    return Stored(
        key=key,
        size=made["bytes"],
        media_type=format_.media_type,
        filename=f"{row.id}-{name}.{format_.extension}",
        etag=f'"{made["sha256"]}"',
        modified=row.finished_at,
    )
