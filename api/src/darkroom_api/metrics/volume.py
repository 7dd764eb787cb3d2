"""The room on the volume of local storage."""

import math
import shutil
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge


class VolumeMetrics:
    """How much fits, and how much is left."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._capacity = Gauge(
            "darkroom_storage_capacity_bytes",
            "Size of the volume of local storage; absent with a bucket.",
            registry=registry,
        )
        self._free = Gauge(
            "darkroom_storage_free_bytes",
            "What is left of the volume of local storage; absent with a bucket.",
            registry=registry,
        )
        self.unknown()

    def look(self, directory: Path) -> None:
        """Ask the file system, which may take its time; raises OSError where it does not answer."""
        # The first object that is stored makes the directory.
        there = next(path for path in (directory, *directory.parents) if path.exists())
        room = shutil.disk_usage(there)
        self._capacity.set(room.total)
        self._free.set(room.free)

    def unknown(self) -> None:
        """Say that nobody knows."""
        self._capacity.set(math.nan)
        self._free.set(math.nan)
