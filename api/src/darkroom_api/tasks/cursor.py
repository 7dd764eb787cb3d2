"""The opaque cursor of lists: a place, not a page number, so that new tasks shift nothing.

It is bound to the list's filters: with others it would be a place in another list.
"""

import base64
import binascii
from datetime import UTC, datetime

from darkroom_api.errors import InvalidError
from darkroom_api.problem import InvalidField
from darkroom_api.tasks.queries import Position


def encoded(position: Position, *, digest: str) -> str:
    """Return the place as a word for a URL."""
    text = f"{digest} {position.created_at.isoformat()} {position.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decoded(cursor: str, *, digest: str) -> Position:
    """Return the place that the cursor stands for, or raise InvalidError."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
        bound_to, created_at, task_id = text.replace("\0", "").split(" ")
        moment = datetime.fromisoformat(created_at).astimezone(UTC)
    except (ValueError, OverflowError, binascii.Error):
        raise _wrong(
            "this is not a cursor: use next_cursor of the page before, unchanged"
        ) from None
    if bound_to != digest:
        raise _wrong("the cursor is of a list with other filters: repeat those of its first page")
    return Position(moment, task_id)


def _wrong(sentence: str) -> InvalidError:
    return InvalidError(sentence, errors=[InvalidField(pointer="#/query/cursor", detail=sentence)])
