"""The times of a cron line in a time zone, as Debian's cron has them.

Where clocks go forward, a time that does not exist is the moment at which they do; where they go
back, a time that comes twice is its first one. A line whose minute or hour begins with * follows
the clocks as they are: it skips what does not exist, and takes twice what comes twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_FIELDS: Final = 5
_MINUTE: Final = timedelta(minutes=1)
_SOME_MOMENT: Final = datetime(2026, 1, 1, tzinfo=UTC)


class BadTimesError(ValueError):
    """The line or the zone says no times; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Times:
    """The moments of a line, in UTC."""

    line: str
    zone: ZoneInfo

    def after(self, moment: datetime) -> datetime | None:
        """Return the first one after the moment; None where there will never be one."""
        return next(self._following(moment), None)

    def last(self, after: datetime, until: datetime) -> datetime | None:
        """Return the last one after `after` that is not later than `until`.

        Found by halving, because a line may have half a million times in a year.
        """
        last = self.after(after)
        if last is None or last > until:
            return None
        high = until
        while high - last >= _MINUTE:
            middle = last + (high - last) / 2
            later = self.after(middle)
            if later is not None and later <= until:
                last = later
            else:
                high = middle
        return last

    def count(self, after: datetime, until: datetime, *, most: int) -> int:
        """Return how many there are after `after` until `until`, at most `most`."""
        return sum(time <= until for time in islice(self._following(after), most))

    def _following(self, moment: datetime) -> Iterator[datetime]:
        for time in CronSim(self.line, moment.astimezone(self.zone)):
            utc = time.astimezone(UTC)
            # Where an hour comes twice, cronsim may go back into its first half.
            if utc > moment:
                yield utc


def read_times(line: str, zone: str) -> Times:
    """Read a line and the name of a time zone. Raises BadTimesError."""
    fields = len(line.split())
    if fields != _FIELDS:
        raise BadTimesError(
            f"spec.schedule has {fields} fields, and a cron line has five: minute, hour, day of "
            "the month, month and day of the week."
        )
    try:
        times = Times(line, ZoneInfo(zone))
        is_ever = times.after(_SOME_MOMENT) is not None
    except CronSimError as error:
        raise BadTimesError(f'spec.schedule "{line}" is no cron line: {error}.') from error
    # What is no file of a time zone raises whatever reading a file can raise.
    except (KeyError, ValueError, OSError) as error:
        raise BadTimesError(
            f'spec.timeZone "{zone}" is not known; write the IANA name of a time zone, like '
            "Europe/Berlin."
        ) from error
    if not is_ever:
        raise BadTimesError(f'spec.schedule "{line}" names no day that there ever is.')
    return times
