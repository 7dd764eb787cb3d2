"""How the controller works: queues, reconciliations, requests, and who is active.

These carry controller-runtime's names, so that dashboards made for any operator show this one too.
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_NAME: Final = "processingtask"
SECONDS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)

QUEUE_DEPTH: Final = Gauge("workqueue_depth", "Objects that wait to be looked at.", ["name"])
QUEUE_ADDS: Final = Counter(
    "workqueue_adds_total", "How often an object was put into the queue.", ["name"]
)
QUEUE_RETRIES: Final = Counter(
    "workqueue_retries_total", "How often an object was put back after an error.", ["name"]
)
QUEUE_SECONDS: Final = Histogram(
    "workqueue_queue_duration_seconds", "Time in the queue.", ["name"], buckets=SECONDS
)
WORK_SECONDS: Final = Histogram(
    "workqueue_work_duration_seconds", "Time from queue to done.", ["name"], buckets=SECONDS
)
LONGEST_WORK: Final = Gauge(
    "workqueue_longest_running_processor_seconds", "The longest work under way.", ["name"]
)
UNFINISHED_WORK: Final = Gauge(
    "workqueue_unfinished_work_seconds", "Sum of all work under way.", ["name"]
)

RECONCILES: Final = Counter(
    "controller_runtime_reconcile_total",
    "Reconciliations, by what came of them: success or error.",
    ["controller", "result"],
)
_RECONCILE_ERRORS: Final = Counter(
    "controller_runtime_reconcile_errors_total", "Reconciliations that failed.", ["controller"]
)
RECONCILE_ERRORS: Final = _RECONCILE_ERRORS.labels(_NAME)
_RECONCILE_SECONDS: Final = Histogram(
    "controller_runtime_reconcile_time_seconds",
    "Time of one reconciliation.",
    ["controller"],
    buckets=SECONDS,
)
RECONCILE_SECONDS: Final = _RECONCILE_SECONDS.labels(_NAME)
_WORKERS: Final = Gauge(
    "controller_runtime_max_concurrent_reconciles", "Workers there are.", ["controller"]
)
WORKERS: Final = _WORKERS.labels(_NAME)
_ACTIVE_WORKERS: Final = Gauge(
    "controller_runtime_active_workers", "Workers that are at work.", ["controller"]
)
ACTIVE_WORKERS: Final = _ACTIVE_WORKERS.labels(_NAME)

REQUESTS: Final = Counter(
    "rest_client_requests_total",
    "Requests to the API server, without kopf's own.",
    ["code", "method", "host"],
)

IS_LEADER: Final = Gauge(
    "darkroom_operator_is_leader", "1 where this replica is the active one, else 0."
)
RESYNC_TIME: Final = Gauge(
    "darkroom_resync_last_success_timestamp_seconds",
    "When the active operator last looked at everything, in Unix time.",
)


def reconciled(result: str) -> None:
    """Count one reconciliation of a task: `success` or `error`."""
    RECONCILES.labels(_NAME, result).inc()
