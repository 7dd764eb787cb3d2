"""The node's own place in the machine's control groups, of either version or both."""

import contextlib
import time
from pathlib import Path

_CPUSET = ("cpuset.cpus", "cpuset.mems")


def hierarchies(mounts: Path = Path("/proc/self/mounts")) -> list[Path]:
    """Return where the control group file systems are mounted."""
    fields = [line.split() for line in mounts.read_text().splitlines()]
    return [Path(where) for _, where, kind, *_ in fields if kind in ("cgroup", "cgroup2")]


def create(name: str) -> None:
    """Make the group in every hierarchy, so that two nodes never share one."""
    for hierarchy in hierarchies():
        group = hierarchy / name
        group.mkdir(exist_ok=True)
        for file in _CPUSET:
            # In version 1 a group without processors of its own can hold no process.
            with contextlib.suppress(OSError):
                if not (group / file).read_text().strip():
                    (group / file).write_text((hierarchy / file).read_text())


def remove(name: str, patience: float = 10) -> None:
    """Remove the group and all below it; its killed processes may still be leaving."""
    deadline = time.monotonic() + patience
    for hierarchy in hierarchies():
        while not _removed(hierarchy / name):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{hierarchy / name} still holds processes")
            time.sleep(0.05)


def _removed(group: Path) -> bool:
    below = [path for path in group.rglob("*") if path.is_dir()] if group.exists() else []
    try:
        for directory in sorted([*below, group], key=lambda path: -len(path.parts)):
            with contextlib.suppress(FileNotFoundError):
                directory.rmdir()
    except OSError:
        return False
    return True
