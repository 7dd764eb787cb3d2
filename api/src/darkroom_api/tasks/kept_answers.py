"""What was told of tasks, for those who ask again: who polls mostly hears what they know."""

from collections import OrderedDict
from typing import Final, NamedTuple

_MOST: Final = 1024
_LONGEST: Final = 16_384


class Place(NamedTuple):
    """A task, and the address that its URLs begin with."""

    task: str
    scheme: str
    host: str


class Kept(NamedTuple):
    """A task as of a version."""

    version: int
    body: bytes
    headers: dict[str, str]


class KeptAnswers:
    """The answers that were asked for last: 16 MB at most."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Place, Kept] = OrderedDict()

    def get(self, place: Place, version: int) -> Kept | None:
        """Return what was told of this very version."""
        kept = self._kept.get(place)
        if kept is None or kept.version != version:
            return None
        self._kept.move_to_end(place)
        return kept

    def keep(self, place: Place, kept: Kept) -> None:
        """Keep it for the next who asks."""
        if len(kept.body) > _LONGEST:
            return
        self._kept[place] = kept
        self._kept.move_to_end(place)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)
