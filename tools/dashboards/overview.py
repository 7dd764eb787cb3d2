"""For those who answer for the service."""

from typing import Final

from dashboards.grafana import Board, Panel, Query, Row
from dashboards.queries import quantiles, rate

_BY_STATE: Final = Query("sum by (state) (darkroom_tasks{$own})", "{{state}}")

OVERVIEW: Final = Board(
    "darkroom-overview",
    "Darkroom / Overview",
    "Is the service all right for those who use it?",
    [
        Row(
            "Now",
            [
                Panel(
                    "Tasks that wait",
                    "In pools and for the admission window.",
                    "short",
                    [
                        Query(
                            'sum(darkroom_tasks{$own,state="queued"}) + max(darkroom_tasks_waiting_for_window{$own})'
                        )
                    ],
                    "stat",
                ),
                Panel(
                    "Tasks at work",
                    "Processors that run.",
                    "short",
                    [Query('sum(darkroom_tasks{$own,state="running"})')],
                    "stat",
                ),
                Panel(
                    "Oldest that waits",
                    "For a place in its pool.",
                    "s",
                    [Query("max(darkroom_oldest_waiting_seconds{$own})")],
                    "stat",
                    at_most=1800,
                ),
                Panel(
                    "Dead letters",
                    "Failed after the last try, and not replayed.",
                    "short",
                    [Query("max(darkroom_dead_letters{$own})")],
                    "stat",
                    at_most=1,
                ),
            ],
        ),
        Row(
            "Tasks",
            [
                Panel(
                    "Made and ended",
                    "Tasks a second: accepted by REST, and ended, by how.",
                    "ops",
                    [
                        Query("sum(rate(darkroom_tasks_created_total{$own}[$rate]))", "made"),
                        Query(
                            'sum by (to) (rate(darkroom_task_transitions_total{$own,to=~"succeeded|failed|canceled"}[$rate]))',
                            "{{to}}",
                        ),
                    ],
                ),
                Panel(
                    "In the cluster", "Tasks, by their state.", "short", [_BY_STATE], stacked=True
                ),
                Panel(
                    "From made to done",
                    "How long tasks take that succeed, waiting included.",
                    "s",
                    quantiles("darkroom_task_duration_seconds", "type", '$own,result="succeeded"'),
                ),
            ],
        ),
        Row(
            "Requests",
            [
                Panel(
                    "Requests",
                    "Requests a second, by the answer's status.",
                    "reqps",
                    [rate("darkroom_http_request_seconds_count", "status")],
                ),
                Panel(
                    "Time to answer",
                    "Without streams, which stay open.",
                    "s",
                    quantiles("darkroom_http_request_seconds", "", '$own,route!~".*events"'),
                ),
                Panel(
                    "Bytes",
                    "Uploaded, and sent as results.",
                    "Bps",
                    [
                        Query("sum(rate(darkroom_uploaded_bytes_total{$own}[$rate]))", "uploaded"),
                        Query("sum(rate(darkroom_served_bytes_total{$own}[$rate]))", "sent"),
                    ],
                ),
            ],
        ),
    ],
)
