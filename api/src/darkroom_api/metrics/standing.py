"""What stands in Postgres now: the admission window, and the dead letters."""

import math

from prometheus_client import CollectorRegistry, Gauge


class StandingMetrics:
    """The same from every replica, so take the maximum; NaN while Postgres is away."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.tasks_waiting = Gauge(
            "darkroom_tasks_waiting_for_window",
            "Tasks that are accepted and wait for a place in the admission window; 100,000 stands "
            "for that many or more. The same from every replica, and NaN while Postgres is away.",
            registry=registry,
        )
        self.window_used = Gauge(
            "darkroom_admission_window_used",
            "Places of the admission window that are taken. The same from every replica, and NaN "
            "while Postgres is away.",
            registry=registry,
        )
        self.window_size = Gauge(
            "darkroom_admission_window_size",
            "Places of the admission window: how many unfinished tasks may be in the cluster.",
            registry=registry,
        )
        self.dead_letters = Gauge(
            "darkroom_dead_letters",
            "Dead-lettered tasks that nobody has replayed. The same from every replica, and NaN "
            "while Postgres is away.",
            registry=registry,
        )
        self.unknown()

    def unknown(self) -> None:
        """Say that nobody knows: an old number would be a wrong one."""
        for gauge in (self.tasks_waiting, self.window_used, self.dead_letters):
            gauge.set(math.nan)
