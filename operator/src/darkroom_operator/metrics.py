"""What the operator measures.

The workqueue and reconcile families carry controller-runtime's names, so that dashboards made for
any operator show this one too.
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_NAME: Final = "processingtask"
_SECONDS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)

QUEUE_DEPTH: Final = Gauge("workqueue_depth", "Objects that wait to be looked at.", ["name"])
QUEUE_ADDS: Final = Counter(
    "workqueue_adds_total", "How often a task was put into the queue.", ["name"]
)
QUEUE_RETRIES: Final = Counter(
    "workqueue_retries_total", "How often a task was put back after an error.", ["name"]
)
QUEUE_SECONDS: Final = Histogram(
    "workqueue_queue_duration_seconds", "Time in the queue.", ["name"], buckets=_SECONDS
)
WORK_SECONDS: Final = Histogram(
    "workqueue_work_duration_seconds", "Time from queue to done.", ["name"], buckets=_SECONDS
)
LONGEST_WORK: Final = Gauge(
    "workqueue_longest_running_processor_seconds", "The longest work under way.", ["name"]
)
UNFINISHED_WORK: Final = Gauge(
    "workqueue_unfinished_work_seconds", "Sum of all work under way.", ["name"]
)

RECONCILES: Final = Counter(
    "controller_runtime_reconcile_total", "Reconciliations.", ["controller", "result"]
)
RECONCILE_ERRORS: Final = Counter(
    "controller_runtime_reconcile_errors_total", "Reconciliations that failed.", ["controller"]
).labels(_NAME)
RECONCILE_SECONDS: Final = Histogram(
    "controller_runtime_reconcile_time_seconds",
    "Time of one reconciliation.",
    ["controller"],
    buckets=_SECONDS,
).labels(_NAME)
WORKERS: Final = Gauge(
    "controller_runtime_max_concurrent_reconciles", "Workers.", ["controller"]
).labels(_NAME)
ACTIVE_WORKERS: Final = Gauge(
    "controller_runtime_active_workers", "Workers that are at work.", ["controller"]
).labels(_NAME)

REQUESTS: Final = Counter(
    "rest_client_requests_total",
    "Requests to the API server, without kopf's own.",
    ["code", "method", "host"],
)

TASKS: Final = Gauge("darkroom_tasks", "Tasks in the cluster.", ["state"])
TRANSITIONS: Final = Counter(
    "darkroom_task_transitions_total", "Changes of a task's state.", ["to", "reason"]
)
WAIT_SECONDS: Final = Histogram(
    "darkroom_task_queue_duration_seconds", "Created to first container.", buckets=_SECONDS
)
TASK_SECONDS: Final = Histogram(
    "darkroom_task_duration_seconds", "Created to ended.", ["result"], buckets=_SECONDS
)

MIRROR_PENDING: Final = Gauge(
    "darkroom_status_mirror_pending", "Observations that Postgres does not have yet."
)
MIRROR_LAG: Final = Gauge(
    "darkroom_status_mirror_lag_seconds", "Age of the oldest observation that waits."
)
MIRROR_RECORDED: Final = Counter(
    "darkroom_status_mirror_recorded_total", "Observations that Postgres took."
)
MIRROR_FAILURES: Final = Counter(
    "darkroom_status_mirror_failures_total", "Writes to Postgres that failed.", ["cause"]
)

RESYNC_TIME: Final = Gauge(
    "darkroom_resync_last_success_timestamp_seconds", "When everything was last looked at."
)


POOL_RUNNING: Final = Gauge("darkroom_pool_running", "Tasks that hold a place.", ["pool"])
POOL_WAITING: Final = Gauge("darkroom_pool_waiting", "Tasks that wait for a place.", ["pool"])
POOL_REPLICAS: Final = Gauge("darkroom_pool_replicas", "Places of a pool.", ["pool"])
DEAD_LETTERS: Final = Counter("darkroom_dead_letters_total", "Tasks that failed for good.")
IS_LEADER: Final = Gauge("darkroom_operator_is_leader", "Whether this replica is the active one.")


def reconciled(result: str) -> None:
    """Count one reconciliation: `success`, `requeue_after` or `error`."""
    RECONCILES.labels(_NAME, result).inc()
