"""What the API server says when it refuses: a Status document, of which users need the sentence."""

import json
from typing import Final

_LONGEST: Final = 1024


def refusal_of(body: str | bytes) -> str:
    """Return the sentence in a Status document, or the start of whatever else it is."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    try:
        status = json.loads(text)
    except ValueError:
        return text[:_LONGEST]
    if not isinstance(status, dict):
        return text[:_LONGEST]
    return str(status.get("message") or status.get("reason") or text)[:_LONGEST]
