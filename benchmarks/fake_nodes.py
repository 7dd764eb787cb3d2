"""Nodes that are not there: KWOK plays their kubelets, for pods that nobody runs.

The scheduler, the Job controller and the garbage collector are Kubernetes' own. A pod on a fake
node is running at once, and ends by itself with the report of a processor that has made the task's
output; or it runs until it is deleted, and is gone at once then.
"""

import json
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from cluster_api import Api
from darkroom_cluster.binary import kwok_path
from surroundings import cordon
from tasks import report

_NODES: Final = 10
_PODS_PER_NODE: Final = 1000
_ANNOTATION: Final = "kwok.x-k8s.io/node"
_NODES_PATH: Final = "/api/v1/nodes"


@asynccontextmanager
async def fake_nodes(
    api: Api, kubeconfig: Path, state: Path, *, works_for: float | None
) -> AsyncIterator[None]:
    """Let pods come to fake nodes alone; they end after so many seconds, or never with None."""
    stages = state / "stages.yaml"
    documents = [_node_ready(), _pod_runs(), _pod_leaves()]
    if works_for is not None:
        documents.append(_pod_ends(works_for))
    stages.write_text("\n---\n".join(json.dumps(document) for document in documents))
    command = [str(kwok_path()), f"--config={stages}", f"--kubeconfig={kubeconfig}"]
    command += [f"--manage-nodes-with-annotation-selector={_ANNOTATION}=fake"]
    # Without leases the nodes would be taken for dead after a while.
    command += ["--node-lease-duration-seconds=40"]
    with (state / "kwok.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: ASYNC220  # it starts at once
            command, env=os.environ | {"KWOK_WORKDIR": str(state)}, stdout=log, stderr=log
        )
    try:
        await cordon(api, is_closed=True)
        for number in range(_NODES):
            await api.call("POST", _NODES_PATH, _node(f"fake-{number}"))
        yield
        for number in range(_NODES):
            await api.call("DELETE", f"{_NODES_PATH}/fake-{number}")
        await cordon(api, is_closed=False)
    finally:
        process.terminate()
        process.wait(20)


def _node(name: str) -> dict[str, Any]:
    room = {"cpu": "1000", "memory": "1000Gi", "pods": str(_PODS_PER_NODE)}
    return {
        "metadata": {
            "name": name,
            "annotations": {_ANNOTATION: "fake"},
            "labels": {"kubernetes.io/hostname": name},
        },
        "status": {"allocatable": room, "capacity": room},
    }


def _node_ready() -> dict[str, Any]:
    is_not_ready = {
        "key": '.status.conditions.[] | select( .type == "Ready" ) | .status',
        "operator": "NotIn",
        "values": ["True"],
    }
    template = """
{{ $now := Now }}
conditions:
{{ range NodeConditions }}
- lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ $now | Quote }}
  message: {{ .message | Quote }}
  reason: {{ .reason | Quote }}
  status: {{ .status | Quote }}
  type: {{ .type | Quote }}
{{ end }}
phase: Running
"""
    return _stage("node-ready", "Node", [is_not_ready], {"statusTemplate": template})


def _pod_runs() -> dict[str, Any]:
    template = """
{{ $now := Now }}
conditions:
- {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: Ready, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: ContainersReady, status: "True", lastTransitionTime: {{ $now | Quote }}}
containerStatuses:
{{ range .spec.containers }}
- image: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: true
  restartCount: 0
  state: {running: {startedAt: {{ $now | Quote }}}}
{{ end }}
phase: Running
startTime: {{ $now | Quote }}
"""
    selector = [_is_leaving("DoesNotExist"), _is_in_phase("Pending")]
    return _stage("pod-runs", "Pod", selector, {"statusTemplate": template})


def _pod_ends(works_for: float) -> dict[str, Any]:
    template = f"""
{{{{ $now := Now }}}}
{{{{ $root := . }}}}
containerStatuses:
{{{{ range $index, $item := .spec.containers }}}}
{{{{ $before := index $root.status.containerStatuses $index }}}}
- image: {{{{ $item.image | Quote }}}}
  name: {{{{ $item.name | Quote }}}}
  ready: false
  restartCount: 0
  state:
    terminated:
      exitCode: 0
      reason: Completed
      message: '{report()}'
      startedAt: {{{{ $before.state.running.startedAt | Quote }}}}
      finishedAt: {{{{ $now | Quote }}}}
{{{{ end }}}}
phase: Succeeded
"""
    selector = [_is_leaving("DoesNotExist"), _is_in_phase("Running")]
    stage = _stage("pod-ends", "Pod", selector, {"statusTemplate": template})
    stage["spec"]["delay"] = {"durationMilliseconds": int(works_for * 1000)}
    return stage


def _pod_leaves() -> dict[str, Any]:
    return _stage("pod-leaves", "Pod", [_is_leaving("Exists")], {"delete": True})


def _is_leaving(operator: str) -> dict[str, Any]:
    return {"key": ".metadata.deletionTimestamp", "operator": operator}


def _is_in_phase(phase: str) -> dict[str, Any]:
    return {"key": ".status.phase", "operator": "In", "values": [phase]}


def _stage(
    name: str, kind: str, selector: list[dict[str, Any]], then: dict[str, Any]
) -> dict[str, Any]:
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": kind},
            "selector": {"matchExpressions": selector},
            "next": then,
        },
    }
