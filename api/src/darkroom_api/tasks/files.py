"""The files of a task: those that its outputs make, and where each is in storage."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from darkroom_core import names
from darkroom_core.recipe import File, Output, files_of
from darkroom_core.vocabulary import Format
from pydantic import ValidationError

Json = dict[str, Any]


class Wish(NamedTuple):
    """A file that may be made, and the output that it belongs to."""

    file: File
    output: Json


def wishes_of(spec: Json | None, recipe_outputs: list[Json] | None) -> list[Wish]:
    """Return every file that the task may make, in order.

    `recipe_outputs` are those of the recipe that the task was started with.
    """
    outputs: list[Json] = recipe_outputs or (spec or {}).get("outputs", [])
    return [Wish(file, output) for output in outputs for file in _files_of(output)]


def key_of(uid: str, file: File) -> str:
    """Return where a file of a task is in storage."""
    return names.output_key(uid, file.name, file.format.extension)


def facts_key(uid: str) -> str:
    """Return where the facts of a task are in storage."""
    return names.output_key(uid, names.FACTS, Format.JSON.extension)


def keys_in(value: object) -> Iterator[str]:
    """Yield every key of storage that a spec names: of sources, and of overlays."""
    if isinstance(value, dict):
        if isinstance(value.get("key"), str):
            yield value["key"]
        for inner in value.values():
            yield from keys_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_in(inner)


def _files_of(output: Json) -> list[File]:
    # Nearly all are one file, which needs no look at the rules: they were kept when it was made.
    if "format" in output and not output.get("responsive") and not output.get("video"):
        return [File(output["name"], Format(output["format"]))]
    try:
        return files_of(Output.model_validate(output))
    except ValidationError:
        # Written under another definition than this one.
        return [File(output["name"], Format(output["format"]))]
