"""Dashboards ask for what is exported, say what they show, and work with any data source."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "charts/darkroom/monitoring"
BOARDS = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
RULES = yaml.safe_load((FOLDER / "rules.yaml").read_text())["groups"]
UNITS = {"short", "s", "ops", "reqps", "Bps", "bytes", "percentunit"}

# What is exported: of each metric its labels. The page is made from the registries.
ROW = re.compile(r"^\| `([a-z_]+)` \| (\w+) \| (.*?) \|", re.MULTILINE)


def exported() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, kind, labels in ROW.findall((ROOT / "docs/reference/metrics.md").read_text()):
        own = set(re.findall(r"`(\w+)`", labels))
        found[name] = found.get(name, set()) | own
        if kind == "histogram":
            found |= {f"{name}_bucket": own | {"le"}, f"{name}_sum": own, f"{name}_count": own}
    return found


def recorded() -> dict[str, set[str]]:
    rules = (rule for group in RULES for rule in group["rules"])
    return {rule["record"]: set(rule["labels"]) for rule in rules if "record" in rule}


# What Prometheus adds to each target.
TARGET = {"namespace", "pod"}
KNOWN = {name: labels | TARGET for name, labels in (exported() | recorded()).items()}
METRIC = re.compile(
    r"\b((?:darkroom|workqueue|controller_runtime|rest_client)[a-z0-9_:]*)(\{[^}]*\})?"
)


def named(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each metric that is asked for, with the labels that choose its series."""
    for name, braces in METRIC.findall(expression):
        yield name, set(re.findall(r"(\w+)(?:=~|!~|!=|=)", braces))


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def expressions() -> list[tuple[str, str]]:
    shown = [
        (f"{name}: {panel['title']}", target["expr"])
        for name, board in BOARDS.items()
        for panel in panels(board)
        for target in panel["targets"]
    ]
    rules = [
        (rule.get("alert") or rule["record"], rule["expr"])
        for group in RULES
        for rule in group["rules"]
    ]
    return shown + rules


def test_there_is_a_dashboard_for_each_who_looks() -> None:
    assert {"darkroom-overview", "darkroom-operator", "darkroom-processor"} < BOARDS.keys()
    assert {"darkroom-api", "darkroom-slo"} < BOARDS.keys()


@pytest.mark.parametrize(("where", "expression"), expressions())
def test_what_is_asked_for_is_exported_with_those_labels(where: str, expression: str) -> None:
    asked = list(named(expression))
    assert asked, where
    for name, labels in asked:
        assert name in KNOWN, f"{where}: {name} is not exported"
        assert labels <= KNOWN[name], f"{where}: {name} has no {labels - KNOWN[name]}"
        # Of another namespace's release nothing is to be seen.
        assert "namespace" in labels, f"{where}: {name} is not held to its namespace"


def test_no_metric_is_exported_that_nobody_looks_at() -> None:
    """Each is in a dashboard or a rule, or is left to whoever looks closer."""
    closer = {
        *("workqueue_adds_total", "workqueue_retries_total", "workqueue_unfinished_work_seconds"),
        *("workqueue_work_duration_seconds", "workqueue_longest_running_processor_seconds"),
        *("controller_runtime_max_concurrent_reconciles", "controller_runtime_active_workers"),
        *("darkroom_pool_backlog", "darkroom_external_metrics_requests_total"),
        *("darkroom_status_mirror_pending", "darkroom_schedule_lag_seconds"),
        *("darkroom_webhook_seconds", "darkroom_deliveries_pending"),
        *("darkroom_dead_letters_total", "darkroom_status_mirror_failures_total"),
    }
    looked_at = {name for _, expression in expressions() for name, _ in named(expression)}
    whole = {re.sub(r"_(bucket|sum|count)$", "", name) for name in looked_at} | looked_at
    bare = {name for name in exported() if not re.search(r"_(bucket|sum|count)$", name)}
    assert bare - whole == closer


@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_says_what_it_shows_in_which_unit(name: str) -> None:
    board = BOARDS[name]
    assert board["description"].endswith((".", "?"))
    for panel in panels(board):
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"
            for window in re.findall(r"rate\([^\[]*\[([^\]]+)\]", target["expr"]):
                assert window == "$__rate_interval", panel["title"]
    titles = [panel["title"] for panel in board["panels"]]
    rows = [panel["title"] for panel in board["panels"] if panel["type"] == "row"]
    assert len(rows) == len(set(rows))
    assert all(titles)


@pytest.mark.parametrize("name", BOARDS)
def test_no_panel_lies_on_another(name: str) -> None:
    places = [panel["gridPos"] for panel in BOARDS[name]["panels"]]
    assert len({panel["id"] for panel in BOARDS[name]["panels"]}) == len(places)
    taken: set[tuple[int, int]] = set()
    for place in places:
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        taken |= cells


def test_dashboards_have_addresses_of_their_own_and_lead_to_each_other() -> None:
    uids = [board["uid"] for board in BOARDS.values()]
    assert sorted(uids) == sorted(BOARDS)
    for board in BOARDS.values():
        (link,) = board["links"]
        assert link["tags"] == board["tags"] == ["darkroom"]
        variables = [variable["name"] for variable in board["templating"]["list"]]
        assert variables == ["datasource", "namespace"]


def test_objectives_lie_at_bounds_that_are_measured() -> None:
    """A histogram knows how many were below its own bounds, and no others."""
    from darkroom_api.metrics.http import HttpMetrics  # noqa: PLC0415  # slow to import
    from prometheus_client import CollectorRegistry  # noqa: PLC0415

    registry = CollectorRegistry()
    HttpMetrics(registry).requests.labels("GET", "/v1/tasks", "200").observe(0.1)
    bounds = [
        float(sample.labels["le"])
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "darkroom_http_request_seconds_bucket"
    ]
    assert all(low < high for low, high in pairwise(bounds))
    asked = {
        float(bound)
        for _, expression in expressions()
        for bound in re.findall(r'le="([0-9.]+)"', expression)
    }
    assert asked
    assert asked <= set(bounds)
