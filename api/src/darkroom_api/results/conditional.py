"""Whether the client has it already: conditional requests (RFC 9110, 13)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime


def is_known(headers: Mapping[str, str], *, etag: str, modified: datetime | None) -> bool:
    """Whether the answer is 304. An ETag is more exact than a date, and goes before it."""
    if (tags := headers.get("if-none-match")) is not None:
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return etag in known or "*" in known
    since = _moment(headers.get("if-modified-since"))
    return since is not None and modified is not None and modified.replace(microsecond=0) <= since


def is_same(if_range: str | None, *, etag: str, modified: datetime | None) -> bool:
    """Whether a part goes with what the client has: the header If-Range, compared strongly."""
    if if_range is None:
        return True
    if '"' in if_range:
        return if_range.strip() == etag
    moment = _moment(if_range)
    return moment is not None and modified is not None and modified.replace(microsecond=0) == moment


def http_date(moment: datetime) -> str:
    """Return the moment as headers have it."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, IndexError):
        return None
