"""What every provider hands out: a cluster somebody can use."""

import os
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
