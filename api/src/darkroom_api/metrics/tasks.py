"""Tasks on their way from a request to a resource."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from darkroom_api.metrics.http import SECONDS


class TaskMetrics:
    """What was accepted, and handed to Kubernetes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.created = Counter(
            "darkroom_tasks_created_total",
            "Tasks accepted by REST, by where their source comes from: upload, url, or replay of "
            "another task.",
            ("source",),
            registry=registry,
        )
        for source in ("upload", "url", "replay"):
            self.created.labels(source)
        self.submissions = Counter(
            "darkroom_submissions_total",
            "Tries to submit a task to Kubernetes, or to withdraw it, by what came of them.",
            ("action", "result"),
            registry=registry,
        )
        self.submit_delay = Histogram(
            "darkroom_submit_delay_seconds",
            "Time from a task's acceptance until its resource exists.",
            buckets=SECONDS,
            registry=registry,
        )
