"""For those who look after the operator."""

from typing import Final

from dashboards.grafana import Board, Panel, Query, Row
from dashboards.queries import gauge, quantiles, rate

OPERATOR: Final = Board(
    "darkroom-operator",
    "Darkroom / Operator",
    "Does what is wished for become what is there, and how soon?",
    [
        Row(
            "Pools",
            [
                Panel(
                    "Places",
                    "Tasks that hold one, those that wait, and how many there are.",
                    "short",
                    [
                        Query("max by (pool) (darkroom_pool_running{$own})", "{{pool}} running"),
                        Query("max by (pool) (darkroom_pool_waiting{$own})", "{{pool}} waiting"),
                        Query("max by (pool) (darkroom_pool_replicas{$own})", "{{pool}} places"),
                    ],
                ),
                Panel(
                    "Waited until started",
                    "From made to the first container, by class.",
                    "s",
                    quantiles("darkroom_task_queue_duration_seconds", "priority"),
                ),
                Panel(
                    "Oldest that waits",
                    "For a place, by pool.",
                    "s",
                    [gauge("darkroom_oldest_waiting_seconds", "pool")],
                    at_most=1800,
                ),
            ],
        ),
        Row(
            "Reconciling",
            [
                Panel(
                    "Looks at tasks",
                    "A second, by what came of them.",
                    "ops",
                    [rate("controller_runtime_reconcile_total", "result")],
                ),
                Panel(
                    "Time of a look",
                    "And of the wait for it.",
                    "s",
                    [
                        *quantiles("controller_runtime_reconcile_time_seconds"),
                        Query(
                            "histogram_quantile(0.99, sum by (le) (rate(workqueue_queue_duration_seconds_bucket{$own}[$rate])))",
                            "queued p99",
                        ),
                    ],
                ),
                Panel(
                    "Queue",
                    "Tasks and schedules that wait to be looked at.",
                    "short",
                    [gauge("workqueue_depth", "name")],
                ),
                Panel(
                    "Requests to Kubernetes",
                    "A second, by method and answer; kopf's own are not counted.",
                    "reqps",
                    [rate("rest_client_requests_total", "method, code")],
                ),
            ],
        ),
        Row(
            "The record",
            [
                Panel(
                    "Lag",
                    "Age of the oldest observation that PostgreSQL does not have.",
                    "s",
                    [gauge("darkroom_status_mirror_lag_seconds")],
                    at_most=60,
                ),
                Panel(
                    "Written",
                    "Observations a second.",
                    "ops",
                    [rate("darkroom_status_mirror_recorded_total")],
                ),
                Panel(
                    "Active replicas",
                    "One, or nothing is done.",
                    "short",
                    [Query("sum(darkroom_operator_is_leader{$own})")],
                ),
            ],
        ),
        Row(
            "What went wrong",
            [
                Panel(
                    "Tries again",
                    "Tries that failed and are followed by another, by their error.",
                    "ops",
                    [rate("darkroom_task_retries_total", "reason")],
                ),
                Panel(
                    "Canceled",
                    "Tasks a second that were deleted before their end.",
                    "ops",
                    [rate("darkroom_task_cancels_total")],
                ),
                Panel(
                    "Schedules",
                    "Times that came, by what was done.",
                    "ops",
                    [rate("darkroom_schedule_times_total", "result")],
                ),
            ],
        ),
    ],
)
