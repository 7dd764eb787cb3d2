"""How pools are used, and what their autoscalers ask for."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from prometheus_client import Counter, Gauge

REPLICAS: Final = Gauge(
    "darkroom_pool_replicas", "Places of a pool: how many tasks may run at once.", ["pool"]
)
RUNNING: Final = Gauge("darkroom_pool_running", "Tasks that hold a place.", ["pool"])
WAITING: Final = Gauge("darkroom_pool_waiting", "Tasks that wait for a place.", ["pool"])
OLDEST_WAITING: Final = Gauge(
    "darkroom_oldest_waiting_seconds",
    "Age of the oldest task that waits for a place; 0 where none waits.",
    ["pool"],
)
# Not `namespace`: Prometheus gives each target that label, of the operator's own namespace.
BACKLOG: Final = Gauge(
    "darkroom_pool_backlog",
    "Unfinished tasks of a pool, from Postgres; absent while Postgres is away.",
    ["pool_namespace", "pool"],
)
EXTERNAL_REQUESTS: Final = Counter(
    "darkroom_external_metrics_requests_total", "Requests for a pool's backlog.", ["code"]
)


class Use(NamedTuple):
    """How a pool is used now."""

    replicas: int
    running: int
    waiting: int
    oldest_seconds: float


_GAUGES: Final = (REPLICAS, RUNNING, WAITING, OLDEST_WAITING)
_shown: set[str] = set()


def show(pools: Mapping[str, Use]) -> None:
    """Show these pools, by "namespace/name", and no others."""
    for pool, use in pools.items():
        for gauge, value in zip(_GAUGES, use, strict=True):
            gauge.labels(pool).set(value)
    for pool in _shown - pools.keys():
        for gauge in _GAUGES:
            gauge.remove(pool)
    _shown.clear()
    _shown.update(pools)
