"""What the API server says when it refuses: a Status document, of which users need the sentence."""

import json
import re
from typing import Final

_LONGEST: Final = 1024
_UNKNOWN: Final = re.compile(r'unknown field "([^"]+)"')


def refusal_of(body: str | bytes) -> str:
    """Return the sentence in a Status document, or the start of whatever else it is."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    # Postgres takes no NUL in a text.
    return _sentence(text).replace("\0", "")[:_LONGEST]


def causes_of(body: str | bytes) -> list[tuple[str, str]]:
    """Return the fields that are named in a Status document, and what is wrong with each."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    try:
        status = json.loads(text)
        causes = (status.get("details") or {}).get("causes") or []
        found = [(str(c.get("field") or ""), str(c.get("message") or "")) for c in causes]
    except (ValueError, AttributeError):
        return []
    # Of unknown fields only the sentence tells.
    unknown = _UNKNOWN.findall(_sentence(text))
    return [*found, *((field, "unknown field") for field in unknown)]


def _sentence(text: str) -> str:
    try:
        status = json.loads(text)
    except ValueError:
        return text
    if not isinstance(status, dict):
        return text
    return str(status.get("message") or status.get("reason") or text)
