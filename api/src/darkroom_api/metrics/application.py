"""The metrics of one application."""

from importlib.metadata import version
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector
from psycopg_pool import AsyncConnectionPool

from darkroom_api.metrics.database import PoolCollector
from darkroom_api.metrics.deliveries import DeliveryMetrics
from darkroom_api.metrics.http import HttpMetrics
from darkroom_api.metrics.standing import StandingMetrics
from darkroom_api.metrics.tasks import TaskMetrics
from darkroom_api.metrics.volume import VolumeMetrics


class Metrics:
    """Every family, in a registry of its own; each metric is there from the first scrape on."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.http = HttpMetrics(self.registry)
        self.tasks = TaskMetrics(self.registry)
        self.standing = StandingMetrics(self.registry)
        self.deliveries = DeliveryMetrics(self.registry)
        ProcessCollector(registry=self.registry)
        build = Gauge(
            "darkroom_build_info",
            "1, with the version and the component.",
            ("version", "component"),
            registry=self.registry,
        )
        build.labels(version("darkroom-api"), "api").set(1)

    def watch_pool(self, pool: AsyncConnectionPool[Any]) -> None:
        """Report on the connections to Postgres too."""
        self.registry.register(PoolCollector(pool.get_stats))

    def watch_volume(self) -> VolumeMetrics:
        """Report on the volume of local storage too; with a bucket there is none."""
        return VolumeMetrics(self.registry)
