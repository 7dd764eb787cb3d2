"""Where a reader is among the events: the same at every replica."""

import re
from typing import Final, NamedTuple, Self

_TEXT: Final = re.compile(r"([0-9]{1,20})-([0-9]{1,19})", re.ASCII)
_XID_LIMIT: Final = 2**64
_ID_LIMIT: Final = 2**63


class Position(NamedTuple):
    """The place after an event: its transaction and its id. Positions are ordered as events are."""

    xid: int
    id: int

    def __str__(self) -> str:
        """Return it as clients keep it."""
        return f"{self.xid}-{self.id}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return what a client kept; None if it is no position."""
        match = _TEXT.fullmatch(text.strip())
        if match is None:
            return None
        found = cls(int(match[1]), int(match[2]))
        return found if found.xid < _XID_LIMIT and found.id < _ID_LIMIT else None
