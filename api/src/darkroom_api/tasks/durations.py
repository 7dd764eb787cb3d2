"""Lengths of time as people write them in a header: 90s, 5m, 2h, 1d."""

import re
from typing import Final

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_PART: Final = re.compile(r"([0-9]{1,9})([smhd])")


def seconds_in(text: str) -> int | None:
    """Return the seconds, also of several parts as in 1h30m; None where it is no such length."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in parts)
