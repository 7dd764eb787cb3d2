"""Says in the OpenAPI document what holds for nearly every operation: the limits."""

from typing import Any, Final

from darkroom_api import responses
from darkroom_api.errors import BusyError, RateLimitedError
from darkroom_api.limits.middleware import is_counted

_HEADERS: Final = {
    "RateLimit": {
        "description": "What is left, and in how many seconds all (or, if nothing is left, the "
        "next request) will be: draft-ietf-httpapi-ratelimit-headers-11.",
        "schema": {"type": "string"},
        "example": '"read";r=99;t=1',
    },
    "RateLimit-Policy": {
        "description": "The limit: so many requests at once, which fill up in w seconds.",
        "schema": {"type": "string"},
        "example": '"read";q=100;w=2',
    },
}


def add_limits(paths: dict[str, Any]) -> None:
    """Add the refusals, and the headers of those that are made by users."""
    for path, operations in paths.items():
        if not is_counted(path):
            continue
        for operation in operations.values():
            answers = operation["responses"]
            for status, answer in responses.of(RateLimitedError, BusyError).items():
                if status != BusyError.status and not path.startswith("/v1/"):
                    continue
                known = answers.setdefault(str(status), answer)
                if known is not answer and answer["description"] not in known["description"]:
                    known["description"] += "\n\n" + answer["description"]
            if path.startswith("/v1/"):
                for answer in answers.values():
                    answer.setdefault("headers", {}).update(_HEADERS)
