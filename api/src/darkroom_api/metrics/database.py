"""The connections to Postgres: asked of the pool at each scrape, which costs nothing."""

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import Metric
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

_HELP: Final = {
    "used": "Connections to Postgres that are in use.",
    "idle": "Connections to Postgres that are free.",
    "waiting": "Requests that wait for a connection to Postgres.",
    "max": "Most connections to Postgres that this replica opens.",
}


class PoolCollector(Collector):
    """Reads the statistics of a pool of connections."""

    def __init__(self, stats: Callable[[], dict[str, int]]) -> None:
        self._stats = stats

    def describe(self) -> Iterator[Metric]:
        """Tell what there is to collect."""
        return (_family(name) for name in _HELP)

    def collect(self) -> Iterator[Metric]:
        """Yield what is so now."""
        stats = self._stats()
        size, idle = stats.get("pool_size", 0), stats.get("pool_available", 0)
        for name, value in (
            ("used", size - idle),
            ("idle", idle),
            ("waiting", stats.get("requests_waiting", 0)),
            ("max", stats.get("pool_max", 0)),
        ):
            family = _family(name)
            family.add_metric((), value)
            yield family


def _family(name: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"darkroom_database_connections_{name}", _HELP[name], labels=())
