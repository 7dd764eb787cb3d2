"""The metrics that dashboards and alerts are written for: all are there, and none has no end."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs/reference/metrics.md"

PROMISED = {
    "Operator": {
        "workqueue_depth": ("gauge", "name"),
        "workqueue_adds_total": ("counter", "name"),
        "workqueue_retries_total": ("counter", "name"),
        "workqueue_queue_duration_seconds": ("histogram", "name"),
        "workqueue_work_duration_seconds": ("histogram", "name"),
        "workqueue_longest_running_processor_seconds": ("gauge", "name"),
        "workqueue_unfinished_work_seconds": ("gauge", "name"),
        "controller_runtime_reconcile_total": ("counter", "controller", "result"),
        "controller_runtime_reconcile_errors_total": ("counter", "controller"),
        "controller_runtime_reconcile_time_seconds": ("histogram", "controller"),
        "controller_runtime_max_concurrent_reconciles": ("gauge", "controller"),
        "controller_runtime_active_workers": ("gauge", "controller"),
        "rest_client_requests_total": ("counter", "code", "method", "host"),
        "darkroom_tasks": ("gauge", "state", "pool", "priority"),
        "darkroom_task_transitions_total": ("counter", "to", "reason"),
        "darkroom_task_queue_duration_seconds": ("histogram", "pool", "priority"),
        "darkroom_task_duration_seconds": ("histogram", "type", "result"),
        "darkroom_task_retries_total": ("counter", "reason"),
        "darkroom_task_cancels_total": ("counter",),
        "darkroom_dead_letters_total": ("counter", "reason"),
        "darkroom_oldest_waiting_seconds": ("gauge", "pool"),
        "darkroom_pool_replicas": ("gauge", "pool"),
        "darkroom_pool_running": ("gauge", "pool"),
        "darkroom_pool_waiting": ("gauge", "pool"),
        "darkroom_pool_backlog": ("gauge", "pool_namespace", "pool"),
        "darkroom_external_metrics_requests_total": ("counter", "code"),
        "darkroom_status_mirror_pending": ("gauge",),
        "darkroom_status_mirror_lag_seconds": ("gauge",),
        "darkroom_status_mirror_recorded_total": ("counter",),
        "darkroom_status_mirror_failures_total": ("counter", "cause"),
        "darkroom_resync_last_success_timestamp_seconds": ("gauge",),
        "darkroom_schedule_times_total": ("counter", "result"),
        "darkroom_schedule_failures_total": ("counter",),
        "darkroom_schedule_lag_seconds": ("histogram",),
        "darkroom_operator_is_leader": ("gauge",),
        "darkroom_processor_step_seconds": ("histogram", "step"),
        "darkroom_processor_peak_memory_bytes": ("histogram",),
        "darkroom_processor_megapixels": ("histogram",),
        "darkroom_processor_bytes_total": ("counter", "direction"),
        "darkroom_processor_files_total": ("counter", "direction", "format"),
        "darkroom_build_info": ("gauge", "version", "component"),
    },
    "API": {
        "darkroom_http_request_seconds": ("histogram", "method", "route", "status"),
        "darkroom_tasks_created_total": ("counter", "source"),
        "darkroom_submissions_total": ("counter", "action", "result"),
        "darkroom_submit_delay_seconds": ("histogram",),
        "darkroom_tasks_waiting_for_window": ("gauge",),
        "darkroom_admission_window_size": ("gauge",),
        "darkroom_admission_window_used": ("gauge",),
        "darkroom_dead_letters": ("gauge",),
        "darkroom_rate_limited_total": ("counter", "policy"),
        "darkroom_rate_limits_unknown_total": ("counter",),
        "darkroom_webhook_deliveries_total": ("counter", "result"),
        "darkroom_webhook_seconds": ("histogram",),
        "darkroom_email_deliveries_total": ("counter", "result"),
        "darkroom_deliveries_pending": ("gauge", "kind"),
        "darkroom_deliveries_lag_seconds": ("gauge", "kind"),
        "darkroom_uploaded_bytes_total": ("counter",),
        "darkroom_served_bytes_total": ("counter",),
        "darkroom_live_streams": ("gauge", "kind"),
        "darkroom_storage_capacity_bytes": ("gauge",),
        "darkroom_storage_free_bytes": ("gauge",),
        "darkroom_database_connections_used": ("gauge",),
        "darkroom_database_connections_idle": ("gauge",),
        "darkroom_database_connections_waiting": ("gauge",),
        "darkroom_database_connections_max": ("gauge",),
        "darkroom_build_info": ("gauge", "version", "component"),
    },
}

# What holds the number of each label's values: a new label has to find its place here.
FEW = {
    *("state", "priority", "to", "type", "result", "step", "direction", "cause", "kind"),
    *("component", "version", "controller", "source", "action"),
}
AS_MANY_AS_THERE_ARE_POOLS = {"pool", "pool_namespace"}
HELD_BY_THE_CODE = {
    "reason": "an enumeration, or the first 64 codes",
    "format": "the first 64 formats",
    "method": "the methods of HTTP, or other",
    "route": "the templates of the routes",
    "status": "the status codes of HTTP",
    "code": "the same",
    "host": "the one address of the API server",
    "policy": "the classes of routes",
    "name": "the two queues",
}


def documented(section: str) -> dict[str, tuple[str, ...]]:
    text = PAGE.read_text().split(f"## {section}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \| ([^|]+) \|$", text, re.MULTILINE)
    assert all(meaning.strip().endswith(".") or "version" in meaning for *_, meaning in rows)
    return {name: (kind, *re.findall(r"\w+", labels)) for name, kind, labels, _ in rows}


@pytest.mark.parametrize("section", PROMISED)
def test_the_metrics_that_dashboards_need_are_there(section: str) -> None:
    assert documented(section) == PROMISED[section]


@pytest.mark.parametrize("section", PROMISED)
def test_every_label_has_few_values(section: str) -> None:
    labels = {label for _, *found in documented(section).values() for label in found}
    assert labels <= FEW | AS_MANY_AS_THERE_ARE_POOLS | HELD_BY_THE_CODE.keys()


@pytest.mark.parametrize("section", PROMISED)
def test_names_follow_the_conventions(section: str) -> None:
    for name, (kind, *_) in documented(section).items():
        assert (kind == "counter") == name.endswith("_total"), name
        # Base units: neither milliseconds nor kilobytes.
        assert not re.search(r"milli|_ms(_|$)|kilo|mega(?!pixels)|minutes|hours", name), name
