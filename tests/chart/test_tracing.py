"""Traces and logs in the chart: off by default, alike in the API and the operator."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from darkroom_cluster.binary import helm_path

CHART = Path(__file__).parents[2] / "charts/darkroom"
ENDPOINT = "http://otel-collector.monitoring:4318"


def template(values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    flags = [flag for name, value in values.items() for flag in ("--set-json", f"{name}={value}")]
    command = [str(helm_path()), "template", "darkroom", str(CHART), *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def render(**values: Any) -> list[dict[str, Any]]:
    done = template({name: json.dumps(value) for name, value in values.items()})
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def variables(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The environments of the API and of the operator."""
    found = []
    for part in ("api", "operator"):
        (deployment,) = (
            document
            for document in documents
            if document["kind"] == "Deployment" and document["metadata"]["name"].endswith(part)
        )
        entries = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
        found.append({e["name"]: e.get("value", e.get("valueFrom")) for e in entries})
    return found


def test_nothing_is_traced_unless_it_is_asked_for() -> None:
    for environment in variables(render()):
        assert not [name for name in environment if name.startswith("OTEL_")]
        assert environment["DARKROOM_LOG__LEVEL"] == "INFO"
        assert environment["DARKROOM_LOG__FORMAT"] == "auto"


def test_both_are_told_of_the_collector_its_headers_and_the_sampling() -> None:
    headers = {"name": "collector", "key": "token"}
    tracing = {
        "enabled": True,
        "endpoint": ENDPOINT,
        "sampleRatio": 0.25,
        "headersSecret": headers,
    }
    logging = {"level": "DEBUG", "format": "text", "levels": {"kopf": "ERROR"}}
    for environment in variables(render(tracing=tracing, logging=logging)):
        assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == ENDPOINT
        assert environment["OTEL_TRACES_SAMPLER"] == "parentbased_traceidratio"
        assert environment["OTEL_TRACES_SAMPLER_ARG"] == "0.25"
        assert environment["OTEL_EXPORTER_OTLP_HEADERS"] == {"secretKeyRef": headers}
        assert environment["DARKROOM_LOG__LEVEL"] == "DEBUG"
        assert environment["DARKROOM_LOG__FORMAT"] == "text"
        assert json.loads(environment["DARKROOM_LOG__LEVELS"]) == {"kopf": "ERROR"}


@pytest.mark.parametrize("endpoint", ["", "otel-collector:4318"])
def test_tracing_without_a_url_says_what_is_missing(endpoint: str) -> None:
    done = template({"tracing.enabled": "true", "tracing.endpoint": json.dumps(endpoint)})
    assert done.returncode != 0
    assert "tracing.endpoint must be the collector's URL" in done.stderr


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [(ENDPOINT, 4318), ("https://collector.example.com", 443), ("http://collector/otlp", 80)],
)
def test_the_operator_may_reach_the_collector_and_processors_may_not(
    endpoint: str, port: int
) -> None:
    tracing = {"enabled": True, "endpoint": endpoint}
    documents = render(tracing=tracing, networkPolicy={"enabled": True})
    policies = {
        document["metadata"]["name"]: document["spec"].get("egress", [])
        for document in documents
        if document["kind"] == "NetworkPolicy"
    }
    rule = {"ports": [{"port": port, "protocol": "TCP"}]}
    assert rule in policies["darkroom-operator"]
    assert rule not in policies["darkroom-processor"]
