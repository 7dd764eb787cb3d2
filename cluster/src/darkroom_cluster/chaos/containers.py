"""The processes of a component's containers, found by control group and never outside our node."""

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROC = Path("/proc")


@dataclass(frozen=True)
class Container:
    """A container that runs."""

    pod: str
    address: str
    id: str


def running(pods: Iterable[dict[str, Any]]) -> list[Container]:
    """Return the containers of these pods that run now."""
    return [
        Container(
            pod["metadata"]["name"],
            pod["status"].get("podIP", ""),
            status["containerID"].rpartition("/")[2],
        )
        for pod in pods
        for status in pod["status"].get("containerStatuses", [])
        if "running" in status["state"]
    ]


def processes(container: str, group: str, proc: Path = PROC) -> list[int]:
    """Return the processes in a container of the node whose control group is `group`."""
    if not container:
        return []
    return sorted(
        int(path.name)
        for path in proc.iterdir()
        if path.name.isdigit() and _is_in(path / "cgroup", f"/{group}/", container)
    )


def _is_in(file: Path, group: str, container: str) -> bool:
    try:
        lines = file.read_text().splitlines()
    except OSError:  # it ended meanwhile
        return False
    return any(group in line and container in line for line in lines)


def send(signal_: signal.Signals, pids: Iterable[int]) -> None:
    """Signal them; one that has just ended needs none."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal_)


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """Let them stand still for as long as the block runs."""
    try:
        send(signal.SIGSTOP, pids)
        yield
    finally:
        send(signal.SIGCONT, pids)
