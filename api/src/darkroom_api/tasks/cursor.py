"""The opaque cursor of lists: a place, not a page number, so that new tasks shift nothing."""

import base64
import binascii
from datetime import UTC, datetime

from darkroom_api.errors import InvalidError
from darkroom_api.problem import InvalidField
from darkroom_api.tasks.queries import Position


def encoded(position: Position) -> str:
    """Return the place as a word for a URL."""
    text = f"{position.created_at.isoformat()} {position.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decoded(cursor: str) -> Position:
    """Return the place that the cursor stands for, or raise InvalidError."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
        created_at, task_id = text.replace("\0", "").split(" ")
        moment = datetime.fromisoformat(created_at).astimezone(UTC)
    except (ValueError, OverflowError, binascii.Error):
        sentence = "this is not a cursor: use next_cursor of the page before, unchanged"
        raise InvalidError(
            sentence, errors=[InvalidField(pointer="#/query/cursor", detail=sentence)]
        ) from None
    return Position(moment, task_id)
