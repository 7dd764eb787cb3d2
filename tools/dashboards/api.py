"""For those who look after the API."""

from typing import Final

from dashboards.grafana import Board, Panel, Query, Row
from dashboards.queries import gauge, quantiles, rate

API: Final = Board(
    "darkroom-api",
    "Darkroom / API",
    "Who asks for what, and what holds it up?",
    [
        Row(
            "Requests",
            [
                Panel(
                    "By route",
                    "The ten that are asked for most.",
                    "reqps",
                    [
                        Query(
                            "topk(10, sum by (method, route) (rate(darkroom_http_request_seconds_count{$own}[$rate])))",
                            "{{method}} {{route}}",
                        )
                    ],
                ),
                Panel(
                    "Time by route",
                    "What one in a hundred exceeds, of the ten slowest.",
                    "s",
                    [
                        Query(
                            "topk(10, histogram_quantile(0.99, sum by (le, route) (rate(darkroom_http_request_seconds_bucket{$own}[$rate]))))",
                            "{{route}}",
                        )
                    ],
                ),
                Panel(
                    "Errors",
                    "Answers with 5xx a second, by route.",
                    "reqps",
                    [rate("darkroom_http_request_seconds_count", "route", '$own,status=~"5.."')],
                ),
            ],
        ),
        Row(
            "On the way to the cluster",
            [
                Panel(
                    "Until the resource is there",
                    "From accepted to made.",
                    "s",
                    quantiles("darkroom_submit_delay_seconds"),
                ),
                Panel(
                    "Admission window",
                    "Places that are taken, of how many, and rows that wait.",
                    "short",
                    [
                        Query("max(darkroom_admission_window_used{$own})", "taken"),
                        Query("max(darkroom_admission_window_size{$own})", "places"),
                        Query("max(darkroom_tasks_waiting_for_window{$own})", "waiting"),
                    ],
                ),
                Panel(
                    "Submissions",
                    "Resources made and deleted, by what came of it.",
                    "ops",
                    [rate("darkroom_submissions_total", "action, result")],
                ),
            ],
        ),
        Row(
            "What it stands on",
            [
                Panel(
                    "Connections to PostgreSQL",
                    "Of all replicas.",
                    "short",
                    [
                        Query("sum(darkroom_database_connections_used{$own})", "used"),
                        Query("sum(darkroom_database_connections_idle{$own})", "idle"),
                        Query("sum(darkroom_database_connections_max{$own})", "most"),
                    ],
                ),
                Panel(
                    "Requests that wait for one",
                    "Of all replicas.",
                    "short",
                    [Query("sum(darkroom_database_connections_waiting{$own})")],
                ),
                Panel(
                    "Volume",
                    "How much is used; a bucket has no end.",
                    "percentunit",
                    [
                        Query(
                            "1 - min(darkroom_storage_free_bytes{$own} / darkroom_storage_capacity_bytes{$own})"
                        )
                    ],
                    at_most=0.9,
                ),
            ],
        ),
        Row(
            "Telling people",
            [
                Panel(
                    "Streams",
                    "Open, by kind.",
                    "short",
                    [Query("sum by (kind) (darkroom_live_streams{$own})", "{{kind}}")],
                ),
                Panel(
                    "Webhooks",
                    "Tries a second, by what came of them.",
                    "ops",
                    [rate("darkroom_webhook_deliveries_total", "result")],
                ),
                Panel(
                    "Mail",
                    "Tries a second, by what came of them.",
                    "ops",
                    [rate("darkroom_email_deliveries_total", "result")],
                ),
                Panel(
                    "Late",
                    "For how long the delivery that is due the longest waits.",
                    "s",
                    [gauge("darkroom_deliveries_lag_seconds", "kind")],
                    at_most=900,
                ),
            ],
        ),
        Row(
            "Limits",
            [
                Panel(
                    "Refused",
                    "Requests a second, by the limit that refused them.",
                    "reqps",
                    [rate("darkroom_rate_limited_total", "policy")],
                ),
                Panel(
                    "Not counted",
                    "How often limits did not count, since PostgreSQL did not answer.",
                    "ops",
                    [rate("darkroom_rate_limits_unknown_total")],
                ),
            ],
        ),
    ],
)
