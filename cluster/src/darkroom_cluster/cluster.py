"""What every provider hands out: a cluster somebody can use."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

NODE_PORT = 30080
"""The NodePort that every cluster's `url` reaches."""


@dataclass(frozen=True)
class Cluster:
    """A cluster that answers: `kubeconfig` reaches its API, `url` its NodePort 30080."""

    name: str
    kind: Literal["node", "kind", "current"]
    kubeconfig: Path
    url: str


class ClusterError(Exception):
    """Something that ends the work, in a sentence for the person at the keyboard."""


def user_cache() -> Path:
    """Where the things live that are made once for a machine and not once for a checkout."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "darkroom"


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Do what follows in one process at a time."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
