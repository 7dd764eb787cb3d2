"""From asking containerd to start a processor's container to the first thing that it does.

containerd's own log says when it was asked; the log of the container says when its first line came.
The kubelet's status of a container is no help: it counts in whole seconds.
"""

import re
import statistics
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from darkroom_cluster.node import Node
from figures import Figure, bounded

_MOST_MILLISECONDS: Final = 250
_ASKED: Final = re.compile(r'^time="(\S+?)" .*msg="StartContainer for \\"(\w+)\\""')
_NANOSECONDS: Final = re.compile(r"(\.\d{6})\d*")


def measure(node: Node, pods: list[dict[str, Any]]) -> list[Figure]:
    """Return the median over these pods, as the API server has them; nothing for another node."""
    log = node.home / "logs" / "containerd.log"
    asked = _asked(log.read_text()) if log.exists() else {}
    seconds = [
        taken for pod in pods if (taken := _taken(pod, asked, node.home / "pod-logs")) is not None
    ]
    print(f"  container starts: {len(seconds)}", flush=True)
    if not seconds:
        return []
    milliseconds = statistics.median(seconds) * 1000
    return [
        bounded("start of a container to its first word", milliseconds, "ms", _MOST_MILLISECONDS)
    ]


def _asked(log: str) -> Mapping[str, datetime]:
    """Return when each container was to start, by its ID."""
    return {found[2]: _time(found[1]) for line in log.splitlines() if (found := _ASKED.match(line))}


def _taken(pod: dict[str, Any], asked: Mapping[str, datetime], logs: Path) -> float | None:
    metadata = pod["metadata"]
    (status,) = pod["status"]["containerStatuses"]
    began = asked.get(status["containerID"].rpartition("/")[2])
    place = logs / f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}" / status["name"]
    if began is None or not (place / "0.log").exists():
        return None
    with (place / "0.log").open() as lines:
        first = lines.readline().split(" ", 1)[0]
    return (_time(first) - began).total_seconds()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(_NANOSECONDS.sub(r"\1", text))
