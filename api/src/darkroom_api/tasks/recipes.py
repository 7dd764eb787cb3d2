"""Turns what a client sent into the spec of a resource, or into a list of what is wrong with it."""

import json
from collections.abc import Sequence
from typing import Any, Final

from darkroom_core.task import TaskSpec
from darkroom_core.vocabulary import Format, TaskType
from pydantic import ValidationError

from darkroom_api.errors import BadRequestError, InvalidError
from darkroom_api.problem import InvalidField
from darkroom_api.problem_handlers import invalid_fields
from darkroom_api.tasks.wanted import Wanted, split

_OF_ONE_SOURCE: Final = (TaskType.IMAGE, TaskType.INSPECT, TaskType.VIDEO)
LONGEST_RECIPE: Final = 256 * 1024
"""In bytes of JSON, wherever it comes from."""

NOT_OVER_REST: Final = {
    "origin": "origin is set by a replay alone: POST /v1/tasks/{id}/replay",
    # Over REST nobody could let the task go on, and it would keep its place in the cluster.
    "suspend": "suspend is for kubectl: leave it out",
}
"""Fields of the resource's spec that requests may not have, and what is said to who sends them."""


def wanted_upload(body: bytes, sources: Sequence[dict[str, str]]) -> Wanted:
    """Return the task of files that are stored under these keys, with their names as captions."""
    recipe, extras = split(object_in(body))
    spec = spec_for_upload(recipe, sources)
    own = tuple(source["key"] for source in sources)
    return Wanted(
        spec,
        own=own,
        metadata=extras.metadata,
        cancel_after=extras.cancel_after,
        webhook=extras.webhook,
    )


def wanted_in(document: dict[str, Any]) -> Wanted:
    """Return the task of a request without an upload. Whose files it names is not looked at."""
    request, extras = split(document)
    spec = spec_for_document(request)
    return Wanted(
        spec,
        metadata=extras.metadata,
        cancel_after=extras.cancel_after,
        webhook=extras.webhook,
    )


def spec_for_upload(recipe: dict[str, Any], sources: Sequence[dict[str, str]]) -> TaskSpec:
    """Return the spec for files that are stored under these keys, with their names as captions."""
    for field in ("source", "sources"):
        if field in recipe:
            raise _wrong(f"#/{field}", f"the source of an upload is its file: leave {field} out")
    if takes_many(recipe):
        return _validated({**recipe, "sources": list(sources)})
    if len(sources) > 1:
        raise _wrong("#", "send one part 'file': several are for a Report, or for a ZIP")
    return _validated({**recipe, "source": {"key": sources[0]["key"]}})


def takes_many(recipe: dict[str, Any]) -> bool:
    """Whether a task is made of many files: a report, or an export to a ZIP."""
    if recipe.get("type") == TaskType.EXPORT:
        outputs = recipe.get("outputs")
        wished = outputs if isinstance(outputs, list) else []
        return any(isinstance(o, dict) and o.get("format") == Format.ZIP for o in wished)
    return bool(recipe.get("type") == TaskType.REPORT)


def spec_for_document(wanted: dict[str, Any]) -> TaskSpec:
    """Return the spec of a task without an upload. Whose files it names is not looked at here."""
    if "source" not in wanted and wanted.get("type", TaskType.IMAGE) in _OF_ONE_SOURCE:
        raise _wrong(
            "#/source",
            'send "source": {"url": "https://..."}, or upload the file as multipart/form-data',
        )
    return _validated(wanted)


def object_in(body: bytes) -> dict[str, Any]:
    """Return what the request asks for, as a JSON object."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"the task is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise _wrong("#", "the task is a JSON object")
    return document


def _validated(document: dict[str, Any]) -> TaskSpec:
    for name, sentence in NOT_OVER_REST.items():
        if name in document:
            raise _wrong(f"#/{name}", sentence)
    try:
        return TaskSpec.model_validate(document)
    except ValidationError as error:
        raise invalid_fields(error.errors()) from None


def _wrong(pointer: str, sentence: str) -> InvalidError:
    return InvalidError(sentence, errors=[InvalidField(pointer=pointer, detail=sentence)])
