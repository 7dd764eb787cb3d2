import os
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from darkroom_cluster import Cluster, cgroups, ensure, kubectl_path, stop
from darkroom_cluster.cluster import NODE_PORT
from darkroom_cluster.configs import SANDBOX_IMAGE
from darkroom_cluster.node import Node

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a node of our own needs root")


def traces(name: str) -> dict[str, list[str]]:
    """What this cluster has on the machine, and what the machine has that no cluster may touch."""
    commands = {
        path.name: path.joinpath("cmdline").read_bytes().decode(errors="replace")
        for path in Path("/proc").glob("[0-9]*")
        if path.joinpath("cmdline").exists()
    }
    groups = [
        str(group)
        for hierarchy in cgroups.hierarchies()
        for group in hierarchy.glob(f"darkroom-{name}-*")
    ]
    return {
        "processes": [pid for pid, command in commands.items() if name in command],
        "groups": groups,
        "mounts": sorted(Path("/proc/self/mounts").read_text().splitlines()),
        "links": sorted(path.name for path in Path("/sys/class/net").iterdir()),
    }


@pytest.fixture
def name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("CLUSTER", "node")
    unique = f"t{uuid.uuid4().hex[:8]}"
    yield unique
    stop(unique, tmp_path)


def kubectl(cluster: Cluster, *arguments: str) -> str:
    command = [str(kubectl_path()), f"--kubeconfig={cluster.kubeconfig}", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def run_a_pod(cluster: Cluster) -> None:
    kubectl(cluster, "run", "pod", f"--image={SANDBOX_IMAGE}", "--restart=Never")
    kubectl(cluster, "wait", "--for=condition=Ready", "pod/pod", "--timeout=30s")


def kill_and_see_it_back(node: Node, program: str) -> None:
    before = node.program(program)
    assert before is not None
    before.kill()
    deadline = time.monotonic() + 15
    while (after := node.program(program)) is None or after == before:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_cluster_comes_survives_a_crash_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    before = traces(name)
    cluster = ensure(name, tmp_path)
    assert ensure(name, tmp_path) == cluster
    run_a_pod(cluster)
    assert traces(name) != before

    node = Node(name, tmp_path)
    for program in ("kube-apiserver", "kubelet"):
        kill_and_see_it_back(node, program)
    assert ensure(name, tmp_path) == cluster
    assert kubectl(cluster, "get", "pod", "pod", "--output=name") == "pod/pod\n"

    process = node.process()
    assert process is not None
    process.kill()
    assert node.program("kubelet") is None
    assert ensure(name, tmp_path) == cluster
    assert kubectl(cluster, "get", "pod", "pod", "--output=name") == "pod/pod\n"

    stop(name, tmp_path)
    assert traces(name) == before
    assert not Node(name, tmp_path).home.exists()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(cluster.url, timeout=5)
    assert f":{NODE_PORT}" not in cluster.url
    stop(name, tmp_path)
