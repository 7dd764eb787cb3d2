"""What the API server says when it refuses: a Status document, of which users need the sentence."""

import json
from typing import Final

_LONGEST: Final = 1024


def refusal_of(body: str | bytes) -> str:
    """Return the sentence in a Status document, or the start of whatever else it is."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    # Postgres takes no NUL in a text.
    return _sentence(text).replace("\0", "")[:_LONGEST]


def _sentence(text: str) -> str:
    try:
        status = json.loads(text)
    except ValueError:
        return text
    if not isinstance(status, dict):
        return text
    return str(status.get("message") or status.get("reason") or text)
