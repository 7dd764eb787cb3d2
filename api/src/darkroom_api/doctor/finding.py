"""What one check found."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How well it is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    check: str
    status: Status
    detail: str
    fix: str | None = None


def ok(check: str, detail: str) -> Finding:
    """Return that it is as it has to be."""
    return Finding(check, Status.OK, detail)


def warning(check: str, detail: str, fix: str) -> Finding:
    """Return that it works, and something about it will hurt."""
    return Finding(check, Status.WARNING, detail, fix)


def failed(check: str, detail: str, fix: str) -> Finding:
    """Return that it does not work."""
    return Finding(check, Status.FAILED, detail, fix)


def skipped(check: str, why: str) -> Finding:
    """Return that it could not, or need not, be looked at."""
    return Finding(check, Status.SKIPPED, why)


def sentence(error: BaseException) -> str:
    """Return an error's first line."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
