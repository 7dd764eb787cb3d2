"""The API server itself refuses a bad schedule, and fills in what was left out."""

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

CRD = Path(__file__).parents[2] / "crds/processingschedules.darkroom.dev.yaml"
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
    if kubectl(cluster, "get", "crd", "processingschedules.darkroom.dev").returncode != 0:
        done = kubectl(cluster, "create", "-f", str(CRD))
        assert done.returncode == 0, done.stderr
        crd = "crd/processingschedules.darkroom.dev"
        kubectl(cluster, "wait", "--for=condition=Established", crd, "--timeout=30s")
    name = f"schedules-{uuid.uuid4().hex[:8]}"
    assert kubectl(cluster, "create", "namespace", name).returncode == 0
    yield name
    kubectl(cluster, "delete", "namespace", name, "--wait=false")


def schedule(namespace: str, spec: Spec, name: str = "a") -> dict[str, Any]:
    return {
        "apiVersion": "darkroom.dev/v1alpha1",
        "kind": "ProcessingSchedule",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def task(**changes: Any) -> Spec:
    outputs = [{"name": "a", "format": "webp"}]
    return {"spec": {"source": {"key": "uploads/a"}, "outputs": outputs, **changes}}


def spec(**changes: Any) -> Spec:
    return {"schedule": "30 3 * * *", "task": task(), **changes}


ONE_WORK = "a schedule has exactly one of task and cleanup"

REFUSED = [
    (spec(cleanup={}), ONE_WORK),
    ({"schedule": "30 3 * * *"}, ONE_WORK),
    ({"task": task()}, "spec.schedule: Required value"),
    (spec(schedule="@daily"), "should be at least 9 chars long"),
    (spec(concurrencyPolicy="Never"), 'supported values: "Allow", "Forbid", "Replace"'),
    (spec(startingDeadlineSeconds=9), "greater than or equal to 10"),
    (spec(successfulHistoryLimit=-1), "greater than or equal to 0"),
    (spec(task=task(retries=11)), "less than or equal to 10"),
    (spec(task=task(source={})), "source names exactly one of key and url"),
    (spec(task={"spec": {"source": {"key": "a"}}}), "a task has outputs or a recipe"),
    (
        {"schedule": "30 3 * * *", "cleanup": {"outputsAfterSeconds": 1}},
        "greater than or equal to 60",
    ),
    (spec(timezone="Etc/UTC"), "unknown field"),
]


@pytest.mark.parametrize(("bad", "sentence"), REFUSED)
def test_a_bad_schedule_is_refused(
    cluster: Cluster, namespace: str, bad: Spec, sentence: str
) -> None:
    document = schedule(namespace, bad)
    done = kubectl(cluster, "create", "--dry-run=server", "-f", "-", document=document)
    assert done.returncode != 0
    assert sentence in done.stderr


def test_what_was_left_out_is_filled_in(cluster: Cluster, namespace: str) -> None:
    document = schedule(namespace, spec(), "defaults")
    created = kubectl(cluster, "create", "-o", "json", "-f", "-", document=document)
    assert created.returncode == 0, created.stderr
    found = json.loads(created.stdout)["spec"]
    assert found["timeZone"] == "Etc/UTC"
    assert found["suspend"] is False
    assert found["concurrencyPolicy"] == "Allow"
    assert (found["successfulHistoryLimit"], found["failedHistoryLimit"]) == (3, 1)
    assert "startingDeadlineSeconds" not in found
    assert found["task"]["spec"]["retries"] == 2
    assert found["task"]["spec"]["outputs"][0]["autoOrient"] is True


def test_the_template_can_be_changed(cluster: Cluster, namespace: str) -> None:
    """A task keeps what it was made with; a schedule's next task is another one."""
    kubectl(cluster, "create", "-f", "-", document=schedule(namespace, spec(), "changes"))
    for change in (
        {"task": task(retries=5, source={"key": "uploads/b"})},
        {"schedule": "0 4 * * *", "timeZone": "Europe/Berlin"},
        {"task": None, "cleanup": {"outputsAfterSeconds": 3600}},
    ):
        patch = json.dumps({"spec": change})
        options = ("-n", namespace, "--type=merge", "-p", patch)
        done = kubectl(cluster, "patch", "psched", "changes", *options)
        assert done.returncode == 0, done.stderr


def test_the_columns_tell_the_story(cluster: Cluster, namespace: str) -> None:
    kubectl(cluster, "create", "-f", "-", document=schedule(namespace, spec(), "columns"))
    done = kubectl(cluster, "get", "psched", "columns", "-n", namespace)
    header, row = done.stdout.splitlines()
    for column in ("NAME", "SCHEDULE", "TIME ZONE", "SUSPEND", "LAST", "REASON", "AGE"):
        assert column in header
    assert "30 3 * * *" in row
