"""How far Postgres is behind what the cluster shows."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from prometheus_client import Counter, Gauge

PENDING: Final = Gauge(
    "darkroom_status_mirror_pending", "Observations that Postgres does not have yet."
)
LAG: Final = Gauge(
    "darkroom_status_mirror_lag_seconds", "Age of the oldest observation that waits; 0 without any."
)
RECORDED: Final = Counter(
    "darkroom_status_mirror_recorded_total", "Observations that Postgres took."
)
FAILURES: Final = Counter(
    "darkroom_status_mirror_failures_total",
    "Writes to Postgres that failed: it was away, or it refused the record.",
    ["cause"],
)
AWAY: Final = FAILURES.labels("away")
REFUSED: Final = FAILURES.labels("refused")


def watch(waiting: Callable[[], Sequence[float]]) -> None:
    """Ask at each scrape since when, in Unix time, each observation waits.

    The lag grows while nothing else happens, and an observation costs the same however many wait.
    """
    PENDING.set_function(lambda: len(waiting()))
    LAG.set_function(lambda: _age(waiting()))


def _age(since: Sequence[float]) -> float:
    return max(0.0, time.time() - min(since)) if since else 0.0
