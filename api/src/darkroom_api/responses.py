"""Declares, for OpenAPI, which problems an endpoint may answer with."""

from typing import Any

from darkroom_api.errors import ApiError
from darkroom_api.problem import MEDIA_TYPE, Problem


def of(*kinds: type[ApiError]) -> dict[int | str, dict[str, Any]]:
    """Return `responses=` for these errors; those of one status are described together."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        sentence = f"`{kind.code}`: {' '.join((kind.__doc__ or '').split())}"
        if kind.status in found:
            found[kind.status]["description"] += "\n\n" + sentence
        else:
            found[kind.status] = {
                "description": sentence,
                "content": {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{_NAME}"}}},
            }
    return found


_NAME = Problem.__name__
