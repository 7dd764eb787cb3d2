"""A node that is lost for good, with a processor on it.

The node is an object that the test made, without a machine: what has to notice that it is gone,
and to bring its pods to an end, is Kubernetes' own scheduler and controllers.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from darkroom_cluster.client import poll
from darkroom_cluster.release import Release

LABEL = "darkroom-test/node"
# Kubernetes looks for pods without a node every 20 s, and believes it after 40 s more.
NOTICED = 100


@pytest.fixture
def node(release: Release, apply_any: Callable[[Any], None], name: str) -> Iterator[str]:
    """Add a node that says of itself that it is ready."""
    apply_any(
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {LABEL: name}}}
    )
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    room = {"cpu": "4", "memory": "8Gi", "pods": "10"}
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "Played",
        "message": "There is no machine.",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }
    status = {"capacity": room, "allocatable": room, "conditions": [ready]}
    patch_status(release, "node", name, status)
    yield name
    release.kubectl("delete", "node", name, "--ignore-not-found")


def patch_status(release: Release, kind: str, name: str, status: dict[str, Any]) -> None:
    patch = json.dumps({"status": status})
    release.kubectl("patch", kind, name, "--subresource=status", "--type=merge", "-p", patch)


def status_of(release: Release, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(release.kubectl("get", "ptask", name, "-o", "json"))
    status: dict[str, Any] = found.get("status", {})
    return status


def reason_of(status: dict[str, Any]) -> str:
    reasons = (c["reason"] for c in status["conditions"] if c["type"] == "Succeeded")
    return str(next(reasons))


def pod_on(release: Release, task: str, node: str) -> dict[str, Any] | None:
    text = release.kubectl("get", "pods", "-l", f"darkroom.dev/task={task}", "-o", "json")
    return next((p for p in json.loads(text)["items"] if p["spec"].get("nodeName") == node), None)


def begin(release: Release, pod: dict[str, Any]) -> None:
    """Say of a pod what its kubelet would say: that its container runs."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    (container,) = pod["spec"]["containers"]
    running = {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": now}},
    }
    status = {"phase": "Running", "startTime": now, "containerStatuses": [running]}
    patch_status(release, "pod", pod["metadata"]["name"], status)


def test_a_task_survives_the_loss_of_its_node_and_the_try_does_not_count(
    release: Release,
    apply: Callable[..., Any],
    apply_any: Callable[[Any], None],
    source_url: str,
    thumb: Any,
    name: str,
    node: str,
    until_running: Callable[[str], None],
) -> None:
    pool = {
        "apiVersion": "darkroom.dev/v1alpha1",
        "kind": "ProcessorPool",
        "metadata": {"name": name, "namespace": release.namespace},
        "spec": {"replicas": 1, "template": {"nodeSelector": {LABEL: name}}},
    }
    apply_any(pool)
    source = {"url": f"{source_url}/earth.jpg"}
    apply(name, {"source": source, "outputs": [thumb], "pool": name, "retries": 0})
    pod = poll(
        lambda: pod_on(release, name, node),
        lambda pod: pod is not None,
        seconds=60,
        what="a pod on the node",
    )
    assert pod is not None
    begin(release, pod)
    until_running(name)

    release.kubectl("delete", "node", node)
    lost = poll(
        lambda: status_of(release, name),
        lambda status: reason_of(status) == "Unschedulable",
        seconds=NOTICED,
        what="the loss of the node in the task's status",
    )
    assert lost["state"] != "failed"
    (first,) = lost["tries"]
    assert first["disrupted"] is True
    assert first["node"] == node

    # The cause goes: another node that fits.
    real = release.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
    release.kubectl("label", "node", real, f"{LABEL}={name}", "--overwrite")
    try:
        release.kubectl("wait", "--for=condition=Succeeded", f"ptask/{name}", "--timeout=90s")
    finally:
        release.kubectl("label", "node", real, f"{LABEL}-")
        release.kubectl("delete", "ppool", name)
    ended = status_of(release, name)
    assert [attempt["number"] for attempt in ended["tries"]] == [1, 1]
    assert ended["tries"][-1]["exitCode"] == 0
