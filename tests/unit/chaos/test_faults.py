import os
import signal
import subprocess
from pathlib import Path

import pytest
from darkroom_cluster.chaos import clock, containers, network
from darkroom_cluster.chaos.containers import Container
from darkroom_cluster.chaos.faults import all_faults

GROUP = "darkroom-chaos-12345678"


def process(proc: Path, pid: int, cgroup: str) -> None:
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "cgroup").write_text(f"9:pids:{cgroup}\n0::{cgroup}\n")


def test_processes_are_those_of_the_container_in_our_node_only(tmp_path: Path) -> None:
    process(tmp_path, 7, f"/{GROUP}/kubepods/burstable/pod1/abc")
    process(tmp_path, 8, f"/{GROUP}/kubepods/burstable/pod1/other")
    process(tmp_path, 9, "/darkroom-dev-87654321/kubepods/burstable/pod1/abc")
    process(tmp_path, 10, "/")
    (tmp_path / "11").mkdir()
    (tmp_path / "uptime").write_text("1 1")

    assert containers.processes("abc", GROUP, tmp_path) == [7]
    assert containers.processes("", GROUP, tmp_path) == []


def test_only_containers_that_run_are_named() -> None:
    def pod(name: str, state: str) -> dict[str, object]:
        status = {"containerID": f"containerd://{name}-id", "state": {state: {}}}
        where = {"podIP": "10.85.0.11", "containerStatuses": [status]}
        return {"metadata": {"name": name}, "status": where}

    pending: dict[str, object] = {"metadata": {"name": "new"}, "status": {}}
    found = containers.running([pod("a", "running"), pod("b", "terminated"), pending])
    assert found == [Container("a", "10.85.0.11", "a-id")]


def test_what_stood_still_goes_on_whatever_happens() -> None:
    def fails_while_stopped(pid: int) -> None:
        with containers.stopped([pid]):
            os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
            assert state_of(pid) == "T"
            raise RuntimeError

    with subprocess.Popen(["sleep", "60"]) as sleeper:
        try:
            with pytest.raises(RuntimeError):
                fails_while_stopped(sleeper.pid)
            os.waitid(os.P_PID, sleeper.pid, os.WCONTINUED)
            assert state_of(sleeper.pid) != "T"
        finally:
            sleeper.kill()


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_process_that_has_just_ended_needs_no_signal() -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    containers.send(signal.SIGTERM, [ended.pid])


def test_a_wrong_clock_changes_a_copy_of_the_template_only() -> None:
    template = {"spec": {"containers": [{"name": "operator", "env": [{"name": "A"}]}]}}
    changed = clock.with_wrong_clock(template, -300)

    container = changed["spec"]["containers"][0]
    assert {"name": "FAKETIME", "value": "-300"} in container["env"]
    assert container["env"][0] == {"name": "A"}
    assert container["volumeMounts"] == [{"name": "clock", "mountPath": "/clock"}]
    assert changed["spec"]["volumes"] == [{"name": "clock", "configMap": {"name": clock.NAME}}]
    assert template == {"spec": {"containers": [{"name": "operator", "env": [{"name": "A"}]}]}}


def test_silence_is_for_the_named_addresses_and_the_api_server_only() -> None:
    text = network.rules(["10.85.0.11", "10.85.0.12"])
    assert "ip saddr { 10.85.0.11, 10.85.0.12 } tcp dport 6443 drop" in text


def test_faults_have_names_of_their_own() -> None:
    names = [fault.name for fault in all_faults()]
    assert len(set(names)) == len(names)
