"""What Prometheus is told."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector
from psycopg_pool import AsyncConnectionPool

_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


@dataclass(frozen=True)
class Metrics:
    """The metrics of one application, in a registry of its own."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    requests: Histogram = field(init=False)
    tasks_created: Counter = field(init=False)
    submissions: Counter = field(init=False)
    submit_delay: Histogram = field(init=False)
    dead_letters: Gauge = field(init=False)
    rate_limited: Counter = field(init=False)
    rate_limits_unknown: Counter = field(init=False)

    def __post_init__(self) -> None:
        """Make every metric, so that each is there from the first scrape on."""
        made = {
            "requests": Histogram(
                "darkroom_http_request_seconds",
                "Time from a request's head to the end of its answer.",
                ("method", "route", "status"),
                buckets=_SECONDS,
                registry=self.registry,
            ),
            "tasks_created": Counter(
                "darkroom_tasks_created",
                "Tasks accepted by REST, by source.",
                ("source",),
                registry=self.registry,
            ),
            "submissions": Counter(
                "darkroom_submissions",
                "Tries to create or delete resources, by what came of them.",
                ("action", "result"),
                registry=self.registry,
            ),
            "submit_delay": Histogram(
                "darkroom_submit_delay_seconds",
                "Time from a task's acceptance until its resource exists.",
                buckets=_SECONDS,
                registry=self.registry,
            ),
            "dead_letters": Gauge(
                "darkroom_dead_letters",
                "Dead-lettered tasks that nobody has replayed; the same from every replica, and "
                "NaN while Postgres is away.",
                registry=self.registry,
            ),
            "rate_limited": Counter(
                "darkroom_rate_limited",
                "Requests that were refused by a rate limit, by the limit.",
                ("policy",),
                registry=self.registry,
            ),
            "rate_limits_unknown": Counter(
                "darkroom_rate_limits_unknown",
                "How often requests were not counted for a while, since Postgres did not answer.",
                registry=self.registry,
            ),
        }
        for name, metric in made.items():
            object.__setattr__(self, name, metric)
        build = Gauge(
            "darkroom_build", "1, with the version.", ("version",), registry=self.registry
        )
        build.labels(version("darkroom-api")).set(1)

    def watch(self, pool: AsyncConnectionPool) -> None:
        """Report on the connections to Postgres too."""
        self.registry.register(_PoolCollector(pool))


class _PoolCollector(Collector):
    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    def collect(self) -> Iterator[Metric]:
        stats = self._pool.get_stats()
        size, idle = stats.get("pool_size", 0), stats.get("pool_available", 0)
        for name, help_, value in (
            ("used", "Connections to Postgres that are in use.", size - idle),
            ("idle", "Connections to Postgres that are free.", idle),
            ("waiting", "Requests that wait for one.", stats.get("requests_waiting", 0)),
        ):
            yield GaugeMetricFamily(f"darkroom_database_connections_{name}", help_, value)
