"""A real HorizontalPodAutoscaler moves a pool with its backlog, by the operator's own metric.

The pool and its autoscaler are the test's own, so that nobody else's tasks are counted.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from darkroom_cluster.binary import helm_path, kubectl_path
from darkroom_cluster.client import FINAL_STATES, Client, poll
from darkroom_cluster.cluster import ClusterError
from darkroom_cluster.release import RELEASE, Release

ROOT = Path(__file__).parents[2]
# What benchmarks/autoscaling.py draws.
SERIES = ROOT / ".darkroom/results/autoscaling.json"
API = "/apis/external.metrics.k8s.io/v1beta1"
API_SERVICE = "v1beta1.external.metrics.k8s.io"
# How long each task waits for its source: not all the same, so that they do not end in step.
SECONDS = (7, 11, 9, 13, 8) * 4
MOST, TARGET = 4, 2


@pytest.fixture(scope="module", autouse=True)
def _api_service(release: Release) -> None:
    """Wait until kube-apiserver has found the operator and trusts it."""
    release.kubectl(
        "wait", "--for=condition=Available", f"apiservice/{API_SERVICE}", "--timeout=60s"
    )


@pytest.fixture
def pool(release: Release, name: str) -> Iterator[str]:
    """Make a pool for one task at a time, and the autoscaler that may give it more."""
    pool = {
        "apiVersion": "darkroom.dev/v1alpha1",
        "kind": "ProcessorPool",
        "metadata": {"name": name},
        "spec": {"replicas": 1},
    }
    apply(release, pool)
    apply(release, autoscaler(name))
    yield name
    release.kubectl("delete", "hpa,processorpool", name, "--wait=false")


def autoscaler(pool: str) -> dict[str, Any]:
    # As fast as the autoscaler can, which looks every 15 s.
    fast = {"stabilizationWindowSeconds": 0}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": pool},
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "darkroom.dev/v1alpha1",
                "kind": "ProcessorPool",
                "name": pool,
            },
            "minReplicas": 1,
            "maxReplicas": MOST,
            "metrics": [
                {
                    "type": "External",
                    "external": {
                        "metric": {
                            "name": "darkroom_pool_backlog",
                            "selector": {"matchLabels": {"pool": pool}},
                        },
                        "target": {"type": "AverageValue", "averageValue": str(TARGET)},
                    },
                }
            ],
            "behavior": {"scaleUp": fast, "scaleDown": fast},
        },
    }


def apply(release: Release, manifest: dict[str, Any]) -> None:
    subprocess.run(
        [str(kubectl_path()), "-n", release.namespace, "apply", "-f", "-"],
        env={**os.environ, "KUBECONFIG": str(release.cluster.kubeconfig)},
        input=json.dumps(manifest),
        text=True,
        check=True,
    )


def test_replicas_follow_the_backlog_up_and_down_and_tasks_follow_the_replicas(
    release: Release, user: Client, source_url: str, thumb: Any, pool: str
) -> None:
    for seconds in SECONDS:
        source = {"url": f"{source_url}/slow/{seconds}/earth.jpg"}
        user.call("POST", "/v1/tasks", {"source": source, "outputs": [thumb], "pool": pool})
    series: list[dict[str, float]] = []
    started = time.monotonic()

    def look() -> dict[str, float]:
        tasks = user.call("GET", "/v1/tasks?limit=100")["data"]
        spec = json.loads(release.kubectl("get", "processorpool", pool, "-o", "json"))["spec"]
        series.append(
            {
                "seconds": round(time.monotonic() - started, 1),
                "backlog": sum(task["status"] not in FINAL_STATES for task in tasks),
                "running": sum(task["status"] == "running" for task in tasks),
                "replicas": spec["replicas"],
            }
        )
        return series[-1]

    try:
        poll(
            look,
            lambda now: (now["backlog"], now["replicas"]) == (0, 1),
            seconds=180,
            every=1,
            what="the way up and down",
        )
    finally:
        SERIES.parent.mkdir(parents=True, exist_ok=True)
        SERIES.write_text(json.dumps(series, indent=1) + "\n")
    assert max(now["replicas"] for now in series) == MOST
    assert max(now["running"] for now in series) == MOST
    before = [now for now in series if now["replicas"] == 1 and now["backlog"] > len(SECONDS) - 2]
    assert max(now["running"] for now in before) == 1
    tasks = user.call("GET", "/v1/tasks?limit=100")["data"]
    assert {task["status"] for task in tasks} == {"succeeded"}
    scaling = release.kubectl(
        *("get", "hpa", pool, "-o"),
        'jsonpath={.status.conditions[?(@.type=="ScalingActive")].reason}',
    )
    assert scaling == "ValidMetricFound"


def test_the_metric_is_where_the_autoscaler_looks(release: Release, name: str) -> None:
    path = f"{API}/namespaces/{release.namespace}/darkroom_pool_backlog?labelSelector=pool={name}"
    (item,) = json.loads(release.kubectl("get", "--raw", path))["items"]
    assert (item["metricLabels"], item["value"]) == ({"pool": name}, "0")


def test_kube_apiserver_refuses_who_may_not_read_it(release: Release) -> None:
    path = f"{API}/namespaces/{release.namespace}/darkroom_pool_backlog"
    with pytest.raises(ClusterError, match="Forbidden"):
        release.kubectl("get", "--raw", path, "--as", "system:serviceaccount:default:somebody")


def test_nobody_in_the_cluster_can_pass_kube_apiserver_by(
    release: Release, source_url: str
) -> None:
    """Ask the Service itself, from a pod, with a certificate of nobody's."""
    host = source_url.removeprefix("http://").partition(":")[0]
    pods = json.loads(release.kubectl("get", "pods", "-o", "json"))["items"]
    (pod,) = (p["metadata"]["name"] for p in pods if p["status"].get("podIP") == host)
    service = release.kubectl(
        "get", "service", f"{RELEASE}-external-metrics", "-o", "jsonpath={.spec.clusterIP}"
    )
    script = f"""
import socket, ssl
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
connection = context.wrap_socket(socket.create_connection(("{service}", 443)))
print("connected")
try:
    connection.sendall(b"GET {API} HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
    print(connection.recv(100))
except OSError:
    print(b"")
"""
    answer = release.kubectl("exec", pod, "--", "python3", "-c", script)
    assert answer.split() == ["connected", "b''"]


def test_an_upgrade_leaves_the_certificate_and_the_pool_as_they_are(release: Release) -> None:
    pool = ("get", "processorpool", "default", "-o", "jsonpath={.spec.replicas}")
    bundle = ("get", "apiservice", API_SERVICE, "-o", "jsonpath={.spec.caBundle}")
    before = [release.kubectl(*pool), release.kubectl(*bundle)]
    assert all(before)
    subprocess.run(
        [
            *(str(helm_path()), "upgrade", RELEASE, str(ROOT / "charts/darkroom")),
            *("--namespace", release.namespace, "--reuse-values"),
        ],
        env={**os.environ, "KUBECONFIG": str(release.cluster.kubeconfig)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    assert [release.kubectl(*pool), release.kubectl(*bundle)] == before
