"""Clocks: signed URLs, tokens and leases compare times that different machines wrote down."""

from datetime import datetime, timedelta
from typing import Final

from darkroom_api.doctor.finding import Finding, failed, ok, warning

# An HTTP date has whole seconds.
_UNNOTICED: Final = timedelta(seconds=2)
_HARMFUL: Final = timedelta(seconds=30)
_FIX: Final = "let both machines keep time by NTP (chrony, systemd-timesyncd)"


def compared(check: str, *, theirs: datetime, before: datetime, after: datetime) -> Finding:
    """Compare a clock that was read between two looks at ours."""
    skew = max(before - theirs, theirs - after, timedelta(0))
    direction = "behind" if theirs < before else "ahead of"
    if skew <= _UNNOTICED:
        return ok(check, f"within {_UNNOTICED.total_seconds():.0f} s of ours")
    detail = f"{skew.total_seconds():.0f} s {direction} ours"
    return (failed if skew > _HARMFUL else warning)(check, detail, _FIX)
