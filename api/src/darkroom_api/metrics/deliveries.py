"""Webhooks and mail, on their way from the outbox to people."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30)


class DeliveryMetrics:
    """The metrics of the outbox."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.webhooks = Counter(
            "darkroom_webhook_deliveries_total",
            "Tries to deliver webhooks, by what came of them.",
            ("result",),
            registry=registry,
        )
        self.webhook_seconds = Histogram(
            "darkroom_webhook_seconds",
            "Time from the first byte of a webhook to the answer to it.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.mails = Counter(
            "darkroom_email_deliveries_total",
            "Tries to send mail, by what came of them.",
            ("result",),
            registry=registry,
        )
        self.pending = Gauge(
            "darkroom_deliveries_pending",
            "What is not delivered yet; the same from every replica.",
            ("kind",),
            registry=registry,
        )
        self.lag = Gauge(
            "darkroom_deliveries_lag_seconds",
            "For how long the delivery that is due the longest waits; the same from every replica.",
            ("kind",),
            registry=registry,
        )
