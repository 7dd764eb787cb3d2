"""What became of the times of schedules."""

from typing import Final

from prometheus_client import Counter, Histogram

_SECONDS: Final = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)

TIMES: Final = Counter(
    "darkroom_schedule_times_total",
    "Times that came: a task was made, a sweep was done, or the time was skipped.",
    ["result"],
)
FAILURES: Final = Counter(
    "darkroom_schedule_failures_total", "Tasks that were refused, and sweeps that failed."
)
LAG_SECONDS: Final = Histogram(
    "darkroom_schedule_lag_seconds",
    "From a schedule's time to what was done for it.",
    buckets=_SECONDS,
)
