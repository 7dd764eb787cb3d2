"""How far Postgres is behind what the cluster shows."""

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
