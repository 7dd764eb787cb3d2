"""How many tasks there are of each state, pool and priority: counted as they change."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from darkroom_core import names
from darkroom_core.conditions import State
from darkroom_core.task import Priority
from prometheus_client import REGISTRY, Metric
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

_STATES: Final = {state.value for state in State}
_SERIES: Final = 1024


class Series(NamedTuple):
    """Where a task is counted."""

    state: str
    pool: str
    """Its namespace and name, as in the metrics of pools."""
    priority: str


@lru_cache(_SERIES)
def _shared(state: str, pool: str, priority: str) -> Series:
    # Thousands of tasks are in a few series, and each of them keeps its own.
    return Series(state, pool, priority)


def series_of(namespace: str, spec: dict[str, Any], state: str | None) -> Series:
    """Return the series of a task with this spec; what no operator has seen yet is queued."""
    return _shared(
        state if state in _STATES else State.QUEUED.value,
        f"{namespace}/{spec.get('pool') or names.DEFAULT_POOL}",
        spec.get("priority") or Priority.DEFAULT.value,
    )


class Tally(Collector):
    """The gauge of tasks. A change costs the same however many tasks there are."""

    def __init__(self) -> None:
        self._counts: dict[Series, int] = {}

    def add(self, series: Series) -> None:
        """Count a task in."""
        self._counts[series] = self._counts.get(series, 0) + 1

    def remove(self, series: Series) -> None:
        """Count a task out; of a series without tasks nothing is kept."""
        left = self._counts[series] - 1
        if left:
            self._counts[series] = left
        else:
            del self._counts[series]

    def describe(self) -> Iterator[Metric]:
        """Tell what there is to collect."""
        yield _family()

    def collect(self) -> Iterator[Metric]:
        """Yield a gauge of every state, also of those at 0, of each pool and priority with tasks.

        A scrape has a thread of its own, and a copy of a dictionary is made in one go.
        """
        counts = self._counts.copy()
        family = _family()
        for pool, priority in sorted({(series.pool, series.priority) for series in counts}):
            for state in State:
                count = counts.get(Series(state.value, pool, priority), 0)
                family.add_metric((state.value, pool, priority), count)
        yield family


def _family() -> GaugeMetricFamily:
    return GaugeMetricFamily(
        "darkroom_tasks",
        "Tasks that are in the cluster; a finished one is until its time to live is over.",
        labels=Series._fields,
    )


TASKS: Final = Tally()
REGISTRY.register(TASKS)
