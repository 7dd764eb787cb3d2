"""Where things are in a node: its addresses, and its directory as seen from outside and inside."""

from pathlib import Path

ADDRESS = "10.85.0.1"
PODS = "10.85.0.0/16"
SERVICES = "10.96.0.0/16"
KUBERNETES_SERVICE = "10.96.0.1"
API_PORT = 6443
DOMAIN = "cluster.local"

INSIDE = Path("/run/darkroom")
"""The node's directory as its programs see it: short, because the path of a Unix socket has 107
bytes and a checkout may lie deep."""

BINARIES = Path("/run/kubernetes")
SOCKET = "/run/containerd/containerd.sock"
VOLUMES = 24


def volume_names() -> list[str]:
    """Name the volumes that a node has ready for claims."""
    return [f"volume-{number:02}" for number in range(1, VOLUMES + 1)]
