"""Objects that come bit by bit, perhaps over several requests and at several replicas."""

import json
from typing import Final, Protocol

from darkroom_core.storage.base import StoredObject

PART: Final = 8 * 1024 * 1024
"""So much is gathered before S3 gets it, in bytes: its parts have 5 MiB at least."""


class Incoming(Protocol):
    """An object that nobody sees until it is finished. Every method may raise StorageError."""

    @property
    def size(self) -> int:
        """How many bytes have come."""

    def write(self, data: bytes) -> None:
        """Add some bytes."""

    def park(self) -> str:
        """Keep what has come; return that with which `Storage.incoming` goes on from here."""

    def close(self) -> None:
        """Let go of what is open. What was parked stays."""

    def finish(self) -> StoredObject:
        """Make it an object; an older one is replaced."""

    def discard(self) -> None:
        """Throw away all that has come."""


def parked_size(parked: str | None) -> int:
    """Return how many bytes are kept."""
    return int(json.loads(parked)["size"]) if parked else 0
