"""What whoever starts a node and the node's first process say to each other."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Orders:
    """What the first process is told."""

    node: str
    home: str
    binaries: str
    node_port: int
    api_socket: int
    web_socket: int


FURNISHED = "furnished"
"""The file in the node's directory that appears when its storage is there and its DNS answers."""

RUNNING = "programs.json"
"""The file in the node's directory with its programs' numbers, as the node counts processes."""
