"""When what could not be delivered is tried again: the schedule of Standard Webhooks 1.0.0."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
RETRY_SECONDS: Final = (
    5,
    5 * _MINUTE,
    30 * _MINUTE,
    2 * _HOUR,
    5 * _HOUR,
    10 * _HOUR,
    14 * _HOUR,
    20 * _HOUR,
    24 * _HOUR,
)
"""After the first attempt, which is made at once, so long until each of the next."""

_JITTER: Final = 0.2
_LONGEST: Final = 24 * _HOUR


def retry_seconds(attempts: int, *, asked: float | None, chance: float) -> float | None:
    """Return how long to wait after so many attempts, or None if there is no further one.

    `asked` is what the receiver wished for; `chance`, from 0 to 1, keeps many from coming back at
    the same moment.
    """
    if attempts > len(RETRY_SECONDS):
        return None
    planned = RETRY_SECONDS[attempts - 1] * (1 + _JITTER * chance)
    return max(planned, asked or 0)


def hold_seconds(holds: int, *, asked: float | None) -> float:
    """Return how long a receiver that is full is left alone: 15 s, doubling, or as it asked for."""
    return max(asked or 0, min(10.0 * _MINUTE, 15.0 * 2.0 ** min(holds, 10)))


def retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a header Retry-After asks for; None where it is absent or not one."""
    text = (value or "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(min(int(text[:10]), _LONGEST))
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), _LONGEST)
