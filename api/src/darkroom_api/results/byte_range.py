"""Which bytes a request wants: the header Range, as far as one range goes (RFC 9110, 14).

Several ranges at once are answered with the whole, which the RFC leaves open.
"""

import re
from typing import Final

_ONE: Final = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.IGNORECASE)


class NotSatisfiableError(Exception):
    """None of the bytes that are asked for exist."""


def wanted_bytes(header: str | None, size: int) -> range | None:
    """Return the positions that are wanted; None: all, or raise NotSatisfiableError."""
    found = _ONE.fullmatch(header or "")
    if found is None:
        return None
    first, last = found.groups()
    if first:
        start, end = int(first), int(last) if last else size - 1
        if last and end < start:
            return None
    elif last:
        start, end = max(0, size - int(last)), size - 1
    else:
        return None
    if start >= size:
        raise NotSatisfiableError
    return range(start, min(end, size - 1) + 1)
