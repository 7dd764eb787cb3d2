"""Knows a process again: its number and when it started, because numbers are given out again."""

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

_START_TIME = 19  # the field's place after the command's closing parenthesis in /proc/PID/stat


@dataclass(frozen=True)
class Process:
    """One process, also after its number has been given to another."""

    pid: int
    started: int

    @classmethod
    def current(cls) -> "Process":
        """Ourselves, numbered as whoever mounted /proc numbers us."""
        pid = int(Path("/proc/self").readlink().name)
        return cls(pid, _started("self") or 0)

    @classmethod
    def numbered(cls, pid: int) -> "Process":
        """The process that has this number now."""
        return cls(pid, _started(str(pid)) or 0)

    def child(self, inner: int) -> "Process | None":
        """Return the child that has this number in its own process namespace, if there is one."""
        for pid in _children(self.pid):
            if _innermost_number(pid) == inner:
                return Process.numbered(pid)
        return None

    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        return _started(str(self.pid)) == self.started

    def kill(self, patience: float = 30) -> None:
        """End it, and with it everything in its process namespace, and wait for that."""
        if not self.alive():
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        deadline = time.monotonic() + patience
        while self.alive():
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"process {self.pid} has not ended {patience:.0f}s after SIGKILL"
                )
            time.sleep(0.02)


def _started(pid: str) -> int | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[_START_TIME])


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(number) for number in text.split()]


def _innermost_number(pid: int) -> int | None:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    numbers = [line.split()[1:] for line in lines if line.startswith("NSpid:")]
    return int(numbers[0][-1]) if numbers else None
