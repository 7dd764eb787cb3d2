"""What the chart makes for Prometheus and Grafana, where it is asked for."""

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml
from darkroom_cluster.binary import helm_path

CHART = Path(__file__).parents[2] / "charts/darkroom"
ON = ",".join(f"monitoring.{part}.enabled=true" for part in ("scraping", "rules", "dashboards"))
RUNBOOKS = "monitoring.rules.runbooks=https://docs.example/runbooks/"
CUSTOM = {"ServiceMonitor", "PodMonitor", "PrometheusRule"}

Documents = dict[tuple[str, str], dict[str, Any]]


def helm(*sets: str) -> subprocess.CompletedProcess[str]:
    command = [str(helm_path()), "template", "darkroom", str(CHART), "--namespace", "media"]
    values = [part for text in sets for part in ("--set", text)]
    return subprocess.run([*command, *values], capture_output=True, text=True, check=False)


def render(*sets: str) -> Documents:
    done = helm(*sets)
    assert done.returncode == 0, done.stderr
    documents = [document for document in yaml.safe_load_all(done.stdout) if document]
    return {(d["kind"], d["metadata"]["name"]): d for d in documents}


def test_without_being_asked_for_there_is_nothing_of_it() -> None:
    kinds = {kind for kind, _ in render()}
    assert not kinds & {*CUSTOM, "ConfigMap"}


def test_both_are_found_by_the_labels_and_ports_that_they_have() -> None:
    documents = render(ON, RUNBOOKS, "monitoring.scraping.labels.release=prometheus")
    service = documents["Service", "darkroom-api"]
    monitor = documents["ServiceMonitor", "darkroom-api"]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    assert wanted <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    assert endpoint["path"] == "/metrics"
    pods = documents["Deployment", "darkroom-operator"]["spec"]["template"]
    spec = documents["PodMonitor", "darkroom-operator"]["spec"]
    assert spec["selector"]["matchLabels"].items() <= pods["metadata"]["labels"].items()
    (endpoint,) = spec["podMetricsEndpoints"]
    ports = [port["name"] for port in pods["spec"]["containers"][0]["ports"]]
    assert endpoint["port"] in ports


def test_the_rules_are_those_of_the_file_for_this_namespace() -> None:
    rule = render(ON, RUNBOOKS, "monitoring.rules.labels.release=prometheus")
    found = rule["PrometheusRule", "darkroom"]
    assert found["metadata"]["labels"]["release"] == "prometheus"
    text = (CHART / "monitoring/rules.yaml").read_text()
    text = text.replace("$NAMESPACE", "media").replace("$RUNBOOKS", "https://docs.example/runbooks")
    assert found["spec"] == yaml.safe_load(text)
    # What Prometheus itself fills in is still there.
    assert "{{ $value |" in json.dumps(found["spec"])


def test_rules_without_published_runbooks_are_refused() -> None:
    done = helm(ON)
    assert done.returncode != 0
    assert "monitoring.rules.runbooks must say" in done.stderr


def test_each_dashboard_is_a_map_that_the_sidecar_finds() -> None:
    documents = render(
        *(ON, RUNBOOKS, "monitoring.dashboards.namespace=grafana"),
        "monitoring.dashboards.annotations.grafana_folder=Darkroom",
    )
    maps = {name: d for (kind, name), d in documents.items() if kind == "ConfigMap"}
    files = sorted((CHART / "monitoring").glob("*.json"))
    assert len(maps) == len(files) == 5
    shown = {name: text for d in maps.values() for name, text in d["data"].items()}
    for file in files:
        assert json.loads(shown[file.name]) == json.loads(file.read_text())
    for found in maps.values():
        assert found["metadata"]["namespace"] == "grafana"
        assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert found["metadata"]["annotations"] == {"grafana_folder": "Darkroom"}
        # A ConfigMap holds a megabyte.
        assert len(json.dumps(found)) < 200_000
