"""The API server itself refuses a bad task, with a sentence that helps."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from darkroom_cluster.binary import kubectl_path
from darkroom_cluster.cluster import Cluster

CRD = Path(__file__).parents[2] / "crds/processingtasks.darkroom.dev.yaml"
Spec = dict[str, Any]


def kubectl(
    cluster: Cluster, *arguments: str, document: object = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(kubectl_path()), *arguments],
        env={**os.environ, "KUBECONFIG": str(cluster.kubeconfig)},
        input=None if document is None else json.dumps(document),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:
    """Return a namespace that no operator watches."""
    if kubectl(cluster, "get", "crd", "processingtasks.darkroom.dev").returncode != 0:
        done = kubectl(cluster, "create", "-f", str(CRD))
        assert done.returncode == 0, done.stderr
        crd = "crd/processingtasks.darkroom.dev"
        kubectl(cluster, "wait", "--for=condition=Established", crd, "--timeout=30s")
    name = f"resource-{uuid.uuid4().hex[:8]}"
    assert kubectl(cluster, "create", "namespace", name).returncode == 0
    yield name
    kubectl(cluster, "delete", "namespace", name, "--wait=false")


def task(namespace: str, spec: Spec, name: str = "a") -> dict[str, Any]:
    return {
        "apiVersion": "darkroom.dev/v1alpha1",
        "kind": "ProcessingTask",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def spec(**changes: Any) -> Spec:
    outputs = [{"name": "a", "format": "webp"}]
    return {"source": {"key": "uploads/a"}, "outputs": outputs, **changes}


def output(**changes: Any) -> Spec:
    return spec(outputs=[{"name": "a", "format": "webp", **changes}])


REFUSED = [
    (spec(outputs=[]), "should have at least 1 items"),
    (spec(outputs=[{"name": f"o{i}", "format": "png"} for i in range(65)]), "at most 64 items"),
    (spec(outputs=[{"name": "a", "format": "png"}] * 2), "Duplicate value"),
    (output(format="gif"), 'supported values: "jpeg", "png", "webp"'),
    (output(operations=[{"resize": {}}]), "resize needs a width or a height, or both"),
    (output(operations=[{}]), "names exactly one of"),
    (output(operations=[{"grayscale": {}, "crop": {"width": 1, "height": 1}}]), "exactly one of"),
    (output(format="png", quality=80), "png has no such setting"),
    (output(format="jpeg", lossless=True), "lossless is for webp"),
    (output(progressive=True), "progressive is for jpeg"),
    (output(name="Big"), "should match"),
    (spec(source={}), "source names exactly one of key and url"),
    (spec(source={"key": "../secret"}), "should match"),
    (spec(source={"url": "file:///etc/passwd"}), "should match"),
    (spec(source={"url": "https://example.com/\0"}), "should match"),
    (spec(source={"url": "https://example.com/\x1b"}), "should match"),
    (spec(source={"url": "https://example.com/\x7f"}), "should match"),
    (spec(retries=11), "less than or equal to 10"),
    (spec(outptus=[]), "unknown field"),
]


@pytest.mark.parametrize(("bad", "sentence"), REFUSED)
def test_a_bad_task_is_refused(cluster: Cluster, namespace: str, bad: Spec, sentence: str) -> None:
    done = kubectl(cluster, "create", "--dry-run=server", "-f", "-", document=task(namespace, bad))
    assert done.returncode != 0
    assert sentence in done.stderr


def test_a_good_task_is_accepted_with_its_defaults(cluster: Cluster, namespace: str) -> None:
    created = kubectl(
        cluster, "create", "-o", "json", "-f", "-", document=task(namespace, spec(), "good")
    )
    assert created.returncode == 0, created.stderr
    found = json.loads(created.stdout)["spec"]
    assert found["retries"] == 2
    assert found["outputs"][0]["autoOrient"] is True


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("retries", 5),
        ("deadlineSeconds", 7),
        ("source", {"key": "uploads/b"}),
        ("outputs", [{"name": "b", "format": "png"}]),
    ],
)
def test_what_was_asked_for_cannot_be_changed(
    cluster: Cluster, namespace: str, field: str, value: object
) -> None:
    name = f"fixed-{field.lower()}"
    kubectl(cluster, "create", "-f", "-", document=task(namespace, spec(), name))
    patch = json.dumps({"spec": {field: value}})
    options = ("-n", namespace, "--type=merge", "-p", patch)
    done = kubectl(cluster, "patch", "ptask", name, *options)
    assert done.returncode != 0
    assert f"{field} cannot be changed once the task exists; make a new task" in done.stderr


def test_how_long_a_finished_task_stays_can_be_changed(cluster: Cluster, namespace: str) -> None:
    kubectl(cluster, "create", "-f", "-", document=task(namespace, spec(), "ttl"))
    patch = json.dumps({"spec": {"ttlSecondsAfterFinished": 1}})
    done = kubectl(cluster, "patch", "ptask", "ttl", "-n", namespace, "--type=merge", "-p", patch)
    assert done.returncode == 0, done.stderr


def test_explain_describes_every_field(cluster: Cluster, namespace: str) -> None:
    assert namespace
    done = kubectl(cluster, "explain", "--recursive", "processingtask.spec.outputs")
    for field in ("name", "operations", "format", "quality", "autoOrient", "resize", "fit"):
        assert field in done.stdout
    described = kubectl(cluster, "explain", "processingtask.spec.outputs.operations.resize")
    assert "<no description>" not in described.stdout
    assert "In pixels".lower() in described.stdout.lower()
