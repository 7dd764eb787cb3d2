"""Every alert fires when it should, and only then, by promtool; each has a runbook."""

import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from darkroom_cluster.prometheus import promtool_path

ROOT = Path(__file__).parents[2]
RULES = ROOT / "charts/darkroom/monitoring/rules.yaml"
RUNBOOKS = ROOT / "docs/runbooks"
TEXT = RULES.read_text().replace("$NAMESPACE", "media").replace("$RUNBOOKS", "https://runbooks")
GROUPS: list[dict[str, Any]] = yaml.safe_load(TEXT)["groups"]
ALERTS = {rule["alert"]: rule for group in GROUPS for rule in group["rules"] if "alert" in rule}

Series = dict[str, str]


class Case(NamedTuple):
    """What Prometheus has seen, a sample a minute, and when it is looked at."""

    fires: Series
    silent: Series
    at: str = "30m"


SUCCEEDED = 'darkroom_task_transitions_total{to="succeeded",reason="Processed"}'
FAILED = 'darkroom_task_transitions_total{to="failed",reason="RetriesExhausted"}'
REJECTED = 'darkroom_task_transitions_total{to="failed",reason="Rejected"}'
OK = 'darkroom_http_request_seconds_count{method="GET",route="/v1/tasks",status="200"}'
WRONG = 'darkroom_http_request_seconds_count{method="GET",route="/v1/tasks",status="503"}'
REFUSED = 'darkroom_http_request_seconds_count{method="GET",route="/v1/tasks",status="422"}'
QUICK = 'darkroom_http_request_seconds_bucket{method="GET",route="/v1/tasks",status="200",le="0.5"}'
STREAMS = 'darkroom_http_request_seconds_count{method="GET",route="/v1/events",status="200"}'
STREAMED = 'darkroom_http_request_seconds_bucket{route="/v1/events",le="0.5"}'
DELIVERED = 'darkroom_webhook_deliveries_total{result="succeeded"}'
RETRIED = 'darkroom_webhook_deliveries_total{result="retried"}'
ERRORS = 'controller_runtime_reconcile_errors_total{controller="processingtask"}'
RECONCILED = 'controller_runtime_reconcile_total{controller="processingtask",result="success"}'
FAILING = 'controller_runtime_reconcile_total{controller="processingtask",result="error"}'
OLDEST = 'darkroom_oldest_waiting_seconds{pool="media/default"}'
RUNNING = 'darkroom_pool_running{pool="media/default"}'
PLACES = 'darkroom_pool_replicas{pool="media/default"}'
LEADER = 'darkroom_operator_is_leader{pod="a"}'
STANDBY = 'darkroom_operator_is_leader{pod="b"}'
DUE = 'darkroom_deliveries_lag_seconds{kind="webhook"}'
RESYNC = "darkroom_resync_last_success_timestamp_seconds"
FREE, CAPACITY = "darkroom_storage_free_bytes", "darkroom_storage_capacity_bytes"
SKIPPED = 'darkroom_schedule_times_total{result="skipped"}'
MADE = 'darkroom_schedule_times_total{result="made"}'

# Of the tasks a fifth fails, or a fiftieth; of few all; or those that nobody could do.
FIFTH = {SUCCEEDED: "0+8x500", FAILED: "0+2x500"}
FIFTIETH = {SUCCEEDED: "0+490x500", FAILED: "0+10x500"}
FEW = {SUCCEEDED: "0x500", FAILED: "0x470 1x30"}
NOBODYS_FAULT = {SUCCEEDED: "0+8x500", FAILED: "0x500", REJECTED: "0+5x500"}

CASES = {
    "DarkroomTaskFailureBurnFast": [
        Case(FIFTH, NOBODYS_FAULT, "8h"),
        Case(FIFTH, FEW, "8h"),
        # It is over: the short window says so long before the long one.
        Case(FIFTH, {SUCCEEDED: "0+8x500", FAILED: "0+2x440 880x60"}, "8h"),
    ],
    "DarkroomTaskFailureBurnSlow": [
        Case({SUCCEEDED: "0+92x500", FAILED: "0+8x500"}, {**FIFTIETH}, "8h"),
    ],
    "DarkroomAPIAvailabilityBurnFast": [
        Case({OK: "0+90x500", WRONG: "0+10x500"}, {OK: "0+90x500", REFUSED: "0+10x500"}, "8h"),
        Case({OK: "0+90x500", WRONG: "0+10x500"}, {OK: "0x500", WRONG: "0x470 1+1x30"}, "8h"),
    ],
    "DarkroomAPIAvailabilityBurnSlow": [
        Case({OK: "0+990x500", WRONG: "0+10x500"}, {OK: "0+9990x500", WRONG: "0+5x500"}, "8h"),
    ],
    "DarkroomAPILatencyBurnFast": [
        Case(
            {OK: "0+100x500", QUICK: "0+80x500"},
            # Streams are open for as long as they are wanted.
            {OK: "0+100x500", QUICK: "0+100x500", STREAMS: "0+99x500", STREAMED: "0x500"},
            "8h",
        ),
    ],
    "DarkroomAPILatencyBurnSlow": [
        Case({OK: "0+100x500", QUICK: "0+92x500"}, {OK: "0+100x500", QUICK: "0+98x500"}, "8h"),
    ],
    "DarkroomOperatorDown": [
        Case({STANDBY: "0x60"}, {LEADER: "1x60", STANDBY: "0x60"}),
        Case({}, {LEADER: "1x60"}),
    ],
    "DarkroomReconcileErrors": [
        Case(
            {ERRORS: "0+30x60", RECONCILED: "0+60x60", FAILING: "0+30x60"},
            {ERRORS: "0+30x60", RECONCILED: "0+6000x60", FAILING: "0+30x60"},
        ),
    ],
    "DarkroomResyncStale": [
        Case({RESYNC: "0x120", LEADER: "1x120"}, {RESYNC: "0+60x120", LEADER: "1x120"}, "1h30m"),
        Case({RESYNC: "0x120", LEADER: "1x120"}, {RESYNC: "0x120", LEADER: "0x120"}, "1h30m"),
    ],
    "DarkroomMirrorLag": [
        Case(
            {"darkroom_status_mirror_lag_seconds": "0+60x60"},
            {"darkroom_status_mirror_lag_seconds": "0 90 0 90 0 0x60"},
        ),
    ],
    "DarkroomQueueStuck": [
        Case(
            {OLDEST: "0+60x60", RUNNING: "3x60", PLACES: "10x60"},
            {OLDEST: "0+60x60", RUNNING: "10x60", PLACES: "10x60"},
        ),
    ],
    "DarkroomPoolExhausted": [
        Case(
            {OLDEST: "0+60x120", RUNNING: "10x120", PLACES: "10x120"},
            {OLDEST: "20x120", RUNNING: "10x120", PLACES: "10x120"},
            "1h30m",
        ),
        # A pool without places was given none on purpose.
        Case(
            {OLDEST: "0+60x120", RUNNING: "10x120", PLACES: "10x120"},
            {OLDEST: "0+60x120", RUNNING: "0x120", PLACES: "0x120"},
            "1h30m",
        ),
    ],
    "DarkroomDeadLetters": [
        Case({"darkroom_dead_letters": "2x60"}, {"darkroom_dead_letters": "0x60"}),
    ],
    "DarkroomScheduleFailing": [
        Case(
            {"darkroom_schedule_failures_total": "0x20 1x40"},
            {"darkroom_schedule_failures_total": "5x60"},
        ),
    ],
    "DarkroomScheduleMissed": [
        Case({SKIPPED: "0x20 1x40"}, {SKIPPED: "1x60", MADE: "0+1x60"}),
    ],
    "DarkroomAPIDown": [
        Case(
            {'darkroom_build_info{component="operator"}': "1x60"},
            {'darkroom_build_info{component="api"}': "1x60"},
        ),
    ],
    "DarkroomDatabasePoolExhausted": [
        Case(
            {"darkroom_database_connections_waiting": "4x60"},
            {"darkroom_database_connections_waiting": "0 9 0 0 9 0x60"},
        ),
    ],
    "DarkroomWebhooksFailing": [
        Case(
            {DELIVERED: "0+1x120", RETRIED: "0+9x120"},
            {DELIVERED: "0+9x120", RETRIED: "0+1x120"},
            "1h30m",
        ),
    ],
    "DarkroomDeliveriesLate": [Case({DUE: "0+60x60"}, {DUE: "60x60"})],
    "DarkroomStorageFilling": [
        Case({FREE: "5x60", CAPACITY: "100x60"}, {FREE: "50x60", CAPACITY: "100x60"}),
    ],
}


def promtool(*arguments: str, where: Path) -> None:
    done = subprocess.run(
        [str(promtool_path()), *arguments], cwd=where, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def in_namespace(series: Series) -> list[dict[str, str]]:
    """Return the series as those of the release, and of another whose alerts are not ours."""
    return [
        {"series": _labelled(name, "media"), "values": values} for name, values in series.items()
    ]


def _labelled(name: str, namespace: str) -> str:
    metric, _, labels = name.partition("{")
    own = f'namespace="{namespace}"'
    return f"{metric}{{{own},{labels}" if labels else f"{metric}{{{own}}}"


def _test(alert: str, name: str, series: Series, at: str, *, fires: bool) -> dict[str, Any]:
    expression = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) > bool 0 or vector(0)'
    return {
        "name": f"{alert} {name}",
        "interval": "1m",
        "input_series": in_namespace(series),
        "promql_expr_test": [
            {
                "expr": expression,
                "eval_time": at,
                "exp_samples": [{"labels": "{}", "value": int(fires)}],
            }
        ],
    }


def test_promtool_finds_nothing_wrong(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(TEXT)
    promtool("check", "rules", "rules.yaml", where=tmp_path)


def test_there_is_a_case_for_each_alert() -> None:
    assert CASES.keys() == ALERTS.keys()


@pytest.mark.parametrize("alert", CASES)
def test_an_alert_fires_and_is_silent(tmp_path: Path, alert: str) -> None:
    tests = []
    for number, case in enumerate(CASES[alert]):
        tests.append(_test(alert, f"fires {number}", case.fires, case.at, fires=True))
        tests.append(_test(alert, f"is silent {number}", case.silent, case.at, fires=False))
    (tmp_path / "rules.yaml").write_text(TEXT)
    document = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    promtool("test", "rules", "tests.yaml", where=tmp_path)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_what_is_wrong_and_where_its_runbook_is(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["description"].endswith(".")
    assert rule["annotations"]["runbook_url"] == f"https://runbooks/{alert}.md"


@pytest.mark.parametrize("alert", ALERTS)
def test_a_runbook_says_what_it_means_and_what_to_do(alert: str) -> None:
    text = (RUNBOOKS / f"{alert}.md").read_text()
    assert text.startswith(f"# {alert}\n")
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert headings == ["What it means", "What users see", "Find out", "Mend it"]
    assert "```" in text.split("## Find out")[1].split("## Mend it")[0]


def test_there_is_no_runbook_without_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"} == ALERTS.keys()
