"""What is asked of the API, what it refuses, and the bytes that go in and out."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class HttpMetrics:
    """Requests and streams."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Histogram(
            "darkroom_http_request_seconds",
            "Time from a request's head to the end of its answer; of a stream, to its beginning.",
            ("method", "route", "status"),
            buckets=SECONDS,
            registry=registry,
        )
        self.rate_limited = Counter(
            "darkroom_rate_limited_total",
            "Requests that were refused by a rate limit, by the limit.",
            ("policy",),
            registry=registry,
        )
        self.rate_limits_unknown = Counter(
            "darkroom_rate_limits_unknown_total",
            "How often requests were not counted for a while, since Postgres did not answer.",
            registry=registry,
        )
        live = Gauge(
            "darkroom_live_streams",
            "Streams of events that are open.",
            ("kind",),
            registry=registry,
        )
        self.live_sse = live.labels("sse")
        self.live_websockets = live.labels("websocket")
        self.uploaded_bytes = Counter(
            "darkroom_uploaded_bytes_total",
            "Bytes of sources that clients sent, however they came: in the request for a task, or "
            "by an upload, once it is complete.",
            registry=registry,
        )
        self.served_bytes = Counter(
            "darkroom_served_bytes_total",
            "Bytes of results that clients got from the API itself; those that a bucket sends are "
            "not among them.",
            registry=registry,
        )
