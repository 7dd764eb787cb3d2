"""Reading a recipe from a file: what a cluster would refuse is refused with the same sentences.

This pays for the core's models, as no pod does.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from darkroom_core.assignment import (
    AssignedFile,
    AssignedOutput,
    AssignedSource,
    SignedRequest,
)
from darkroom_core.assignment import Assignment as CoreAssignment
from darkroom_core.recipe import files_of, overlays_of
from darkroom_core.source import Source
from darkroom_core.task import TaskSpec
from darkroom_core.vocabulary import Format, TaskType
from pydantic import ValidationError

from darkroom_processor.assignment import read_assignment
from darkroom_processor.documents import Assignment
from darkroom_processor.errors import Code, Rejected

_NOWHERE: Final = SignedRequest(url="")
_STAND_IN: Final = {"key": "local"}
_OF_A_SPEC: Final = ("type", "outputs")


class Recipe:
    """A recipe that keeps all laws, and where it was read."""

    def __init__(self, path: Path) -> None:
        """Read the file; raises Rejected where it is no recipe."""
        self._folder = path.parent
        self._spec = _spec(_plain(path))

    @property
    def is_of_many(self) -> bool:
        """Whether all files together are the sources of one task."""
        return self._spec.sources is not None

    def assignment(self, sources: Sequence[str]) -> Assignment:
        """Return the task of these files."""
        plain = CoreAssignment(
            task=Path(sources[0]).name,
            type=self._spec.type,
            sources=[
                AssignedSource(
                    request=SignedRequest(url=source),
                    name=Path(source).name if self.is_of_many else "",
                )
                for source in sources
            ],
            overlays=[self._overlay(source) for source in overlays_of(self._spec.outputs)],
            outputs=[
                AssignedOutput(
                    output=output,
                    files=[
                        AssignedFile(name=file.name, format=file.format, request=_NOWHERE)
                        for file in files_of(output)
                    ],
                )
                for output in self._spec.outputs
            ],
            facts=_NOWHERE,
        )
        return read_assignment(json.dumps(plain.document()))

    def _overlay(self, source: Source) -> AssignedSource:
        if source.url:
            return AssignedSource(
                request=SignedRequest(url=source.url), name=source.url, guarded=True
            )
        key = source.key or ""
        return AssignedSource(request=SignedRequest(url=str(self._folder / key)), name=key)


def _plain(path: Path) -> dict[str, Any]:
    """Return a recipe as the object that a task's spec would be."""
    try:
        text = path.read_text(encoding="utf-8")
        value = _from_yaml(text) if path.suffix in {".yaml", ".yml"} else json.loads(text)
    except OSError as error:
        raise _refused(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise _refused(f"{path} cannot be read: {error}.") from error
    if isinstance(value, dict) and isinstance(value.get("spec"), dict):
        value = value["spec"]
    if isinstance(value, list):
        return {"outputs": value}
    if isinstance(value, dict):
        # A task's other fields, as its pool, mean nothing here.
        return {name: value[name] for name in _OF_A_SPEC if name in value}
    raise _refused(
        f"{path} is neither a list of outputs nor an object with type and outputs, as a task's "
        "spec has them."
    )


def _from_yaml(text: str) -> Any:  # noqa: ANN401  # whatever it is
    try:
        import yaml  # noqa: PLC0415  # not among what a processor needs
    except ImportError as error:
        raise ValueError(
            "for YAML the package pyyaml is needed; write the recipe as JSON"
        ) from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _spec(plain: dict[str, Any]) -> TaskSpec:
    outputs = plain.get("outputs")
    formats = [o.get("format") for o in outputs if isinstance(o, dict)] if outputs else []
    many = plain.get("type") == TaskType.REPORT or Format.ZIP in formats
    source = {"sources": [_STAND_IN]} if many else {"source": _STAND_IN}
    if plain.get("type") == TaskType.CLEANUP:
        raise _refused("A task of type Cleanup removes stored files; there are none here.")
    try:
        return TaskSpec.model_validate({**plain, **source})
    except ValidationError as error:
        sentences = "; ".join(_sentence(each["loc"], each["msg"]) for each in error.errors())
        raise _refused(f"The recipe is not valid: {sentences}.") from error


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return f"{place.removeprefix('.') or 'spec'}: {message.removeprefix('Value error, ')}"


def _refused(message: str) -> Rejected:
    return Rejected(Code.INVALID_ASSIGNMENT, message)
