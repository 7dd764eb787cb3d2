"""A real Prometheus reads the real release: every panel has data, and every rule is evaluated.

It runs on this machine and reaches the pods through the API server, as `kubectl get --raw` does.
"""

import base64
import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from darkroom_cluster.client import Client, poll
from darkroom_cluster.ports import free_port
from darkroom_cluster.prometheus import prometheus_path
from darkroom_cluster.release import Release

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "charts/darkroom/monitoring"
PHOTOGRAPH = ROOT / "samples/earth.jpg"

# What this load does not do, and a healthy release does not either.
MAY_BE_EMPTY = {
    "darkroom-api: Errors": "nothing is answered with 5xx",
    "darkroom-api: Refused": "the tests' release has no rate limits",
    "darkroom-api: Webhooks": "nobody has asked for one",
    "darkroom-api: Mail": "no mail is set up",
    "darkroom-api: Late": "nothing is to be delivered",
    "darkroom-api: Streams": "nobody follows",
    "darkroom-operator: Tries again": "no try has failed",
    "darkroom-operator: Schedules": "no time has come",
}


class Prometheus:
    """A server that can be asked."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1"

    def get(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self._url}/{path}?{query}", timeout=10) as answer:
            return json.loads(answer.read())["data"]

    def has_data(self, expression: str) -> bool:
        return bool(self.get("query", query=expression)["result"])

    def is_ready(self) -> bool:
        try:
            targets = self.get("targets", state="active")["activeTargets"]
        except OSError:
            return False
        return bool(targets) and all(target["health"] == "up" for target in targets)


def configuration(release: Release, folder: Path) -> dict[str, Any]:
    """Let it ask each replica every second, with what our kubeconfig lets us in by."""
    config = json.loads(release.cluster.kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    parts = {
        "ca_file": cluster["certificate-authority-data"],
        "cert_file": user["client-certificate-data"],
        "key_file": user["client-key-data"],
    }
    for name, data in parts.items():
        (folder / name).write_bytes(base64.b64decode(data))
    pods = json.loads(release.kubectl("get", "pods", "-o", "json"))["items"]
    ports = {"api": 8000, "operator": 9090}
    jobs = [
        (pod["metadata"]["name"], ports[component])
        for pod in pods
        if (component := pod["metadata"]["labels"].get("app.kubernetes.io/component")) in ports
    ]
    assert len(jobs) >= len(ports)
    proxied = f"/api/v1/namespaces/{release.namespace}/pods"
    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            {
                "job_name": name,
                "scheme": "https",
                "metrics_path": f"{proxied}/{name}:{port}/proxy/metrics",
                "tls_config": {part: str(folder / part) for part in parts},
                "static_configs": [
                    {
                        "targets": [urllib.parse.urlsplit(cluster["server"]).netloc],
                        "labels": {"namespace": release.namespace, "pod": name},
                    }
                ],
            }
            for name, port in jobs
        ],
    }


@pytest.fixture(scope="module")
def prometheus(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    rules = (FOLDER / "rules.yaml").read_text().replace("$NAMESPACE", release.namespace)
    (folder / "rules.yaml").write_text(rules.replace("$RUNBOOKS", "https://runbooks"))
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration(release, folder)))
    port = free_port()
    command = [
        str(prometheus_path()),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        server = Prometheus(port)
        poll(server.is_ready, bool, seconds=60, what="Prometheus, with its targets,")
        yield server
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def load(prometheus: Prometheus, release: Release) -> Client:
    """Make tasks of two formats, see one through, and cancel one; return who did."""
    assert prometheus
    client = Client(release.cluster.url).login(*release.admin())
    photograph = PHOTOGRAPH.read_bytes()
    outputs = [
        {"name": name, "operations": [{"resize": {"width": 64, "height": 64}}], "format": name}
        for name in ("webp", "png")
    ]
    for _ in range(3):
        task = client.submit(photograph, {"outputs": outputs})
        done = client.wait(task["id"])
        assert done["status"] == "succeeded"
        client.output(task["id"], "webp")
    held = client.submit(photograph, {"outputs": outputs, "priority": "Low"})
    client.call("POST", f"/v1/tasks/{held['id']}/cancel")
    return client


def panels() -> Iterator[tuple[str, str]]:
    for path in sorted(FOLDER.glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", ()):
                yield f"{path.stem}: {panel['title']}", target["expr"]


def test_every_panel_has_data(prometheus: Prometheus, release: Release, load: Client) -> None:
    asked = [
        (
            where,
            expression.replace("$namespace", release.namespace).replace("$__rate_interval", "1m"),
        )
        for where, expression in panels()
    ]

    def empty() -> list[str]:
        # A rate takes two samples between which something has happened.
        load.call("GET", "/v1/tasks")
        return sorted({where for where, e in asked if not prometheus.has_data(e)} - {*MAY_BE_EMPTY})

    assert poll(empty, lambda found: not found, seconds=60, what="data for panels") == []


@pytest.mark.usefixtures("load")
def test_every_rule_is_evaluated_and_nothing_is_down(prometheus: Prometheus) -> None:
    def rules() -> list[dict[str, Any]]:
        return [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]

    found = poll(
        rules,
        lambda all_: all(rule["health"] == "ok" for rule in all_),
        seconds=60,
        what="every rule",
    )
    states = {rule["name"]: rule["state"] for rule in found if rule["type"] == "alerting"}
    assert len(states) == 20
    assert states["DarkroomOperatorDown"] == states["DarkroomAPIDown"] == "inactive"
