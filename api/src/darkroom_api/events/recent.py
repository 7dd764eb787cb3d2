"""The last events, so that clients that come back soon cost Postgres nothing."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from darkroom_api.events.event import Event
from darkroom_api.events.position import Position

_KEPT: Final = 5000


class Recent:
    """All events after `floor`."""

    def __init__(self, floor: Position) -> None:
        self.floor = floor
        self._events: list[Event] = []

    def add(self, events: Sequence[Event]) -> None:
        """Add the next events, and forget the oldest where there are too many."""
        self._events += events
        if len(self._events) > 2 * _KEPT:
            self.floor = self._events[-_KEPT - 1].position
            del self._events[:-_KEPT]

    def after(self, position: Position) -> list[Event]:
        """Return what came after a position that is not before `floor`."""
        return self._events[bisect_right(self._events, position, key=_position) :]


def _position(event: Event) -> Position:
    return event.position
