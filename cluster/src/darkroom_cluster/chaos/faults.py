"""The faults: each breaks one thing for a while and undoes it, whatever happens meanwhile.

Programs of the node are found by the node's own record, containers by their control group.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from signal import SIGKILL
from typing import Any, Final

from darkroom_cluster.chaos import clock, containers, network
from darkroom_cluster.chaos.containers import Container
from darkroom_cluster.cluster import ClusterError
from darkroom_cluster.node import Node
from darkroom_cluster.release import Release

PULSE, STANDSTILL = 1.0, 0.3
_BRIEFLY: Final = "--request-timeout=10s"


@dataclass(frozen=True)
class Target:
    """Darkroom on a node of our own."""

    node: Node
    release: Release

    def containers(self, component: str) -> list[Container]:
        """Return the component's running containers."""
        label = f"app.kubernetes.io/component={component}"
        text = self.release.kubectl("get", "pods", _BRIEFLY, "-l", label, "-o", "json")
        return containers.running(json.loads(text)["items"])

    def active_operator(self) -> Container:
        """Return the operator that holds the Lease, while the other stands by."""
        holder = ("get", "lease", "darkroom-operator", "-o", "jsonpath={.spec.holderIdentity}")
        name = self.release.kubectl(*holder, _BRIEFLY)
        for container in self.containers("operator"):
            if container.pod == name:
                return container
        raise ClusterError("no operator is active")

    def processes(self, of: Sequence[Container]) -> list[int]:
        """Return the processes of these containers; there must be some."""
        group = self.node.cgroup
        found = [pid for each in of for pid in containers.processes(each.id, group)]
        if not found:
            raise ClusterError("nothing of it runs")
        return found

    def program(self, name: str) -> int:
        """Return the process of one of the node's programs."""
        if (process := self.node.program(name)) is None:
            raise ClusterError(f"{name} does not run")
        return process.pid

    def configured(self, kind: str) -> Any:  # noqa: ANN401  # a manifest
        """Return an object as the API server has it."""
        return json.loads(self.release.kubectl("get", kind, "-o", "json"))


@dataclass(frozen=True)
class Fault:
    """What is broken, in words, and what breaks it; it returns when the fault is over."""

    name: str
    make: Callable[[Target], None]


NOTHING: Final = Fault("nothing, for comparison", lambda _: None)


def all_faults() -> list[Fault]:
    """Return every fault, in the order in which they are made."""
    return [
        Fault("active operator killed", lambda on: _kill(on, [on.active_operator()])),
        Fault("both operators killed", lambda on: _kill(on, on.containers("operator"))),
        Fault("API killed", lambda on: _kill(on, on.containers("api"))),
        Fault("PostgreSQL killed", lambda on: _kill(on, on.containers("postgres"))),
        Fault("PostgreSQL away for 20 s", lambda on: _away(on, "statefulset", "postgres", 20)),
        Fault("storage hangs for 15 s", lambda on: _hangs(on.processes(on.containers("api")), 15)),
        Fault("storage away for 15 s", lambda on: _away(on, "deployment", "api", 15)),
        Fault("kube-apiserver killed", lambda on: _kill_program(on, "kube-apiserver")),
        Fault("controller manager killed", lambda on: _kill_program(on, "kube-controller-manager")),
        Fault(
            "controller manager hangs for 20 s",
            lambda on: _hangs([on.program("kube-controller-manager")], 20),
        ),
        Fault("kubelet killed", lambda on: _kill_program(on, "kubelet")),
        Fault("etcd slow for 20 s", lambda on: _slow(on.program("etcd"), 20)),
        Fault("a processor killed every second, 15 s", lambda on: _kill_processors(on, 15)),
        Fault("active operator's watches cut, 5 times", lambda on: _cut_watches(on, 5)),
        Fault("active operator cut off for 30 s", lambda on: _cut_off(on, 30)),
        Fault("operators' clocks 5 min ahead", lambda on: _wrong_clock(on, 300, 20)),
        Fault("operators' clocks 5 min behind", lambda on: _wrong_clock(on, -300, 20)),
    ]


def _kill(on: Target, of: Sequence[Container]) -> None:
    containers.send(SIGKILL, on.processes(of))


def _kill_program(on: Target, name: str) -> None:
    containers.send(SIGKILL, [on.program(name)])


def _hangs(pids: list[int], seconds: float) -> None:
    with containers.stopped(pids):
        time.sleep(seconds)


def _slow(pid: int, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with containers.stopped([pid]):
            time.sleep(STANDSTILL)
        time.sleep(PULSE - STANDSTILL)


def _away(on: Target, kind: str, component: str, seconds: float) -> None:
    with _scaled_to_zero(on.release, f"{kind}/darkroom-{component}", component):
        time.sleep(seconds)


@contextmanager
def _scaled_to_zero(release: Release, what: str, component: str) -> Iterator[None]:
    label = f"app.kubernetes.io/component={component}"
    replicas = release.kubectl("get", what, "-o", "jsonpath={.spec.replicas}")
    try:
        release.kubectl("scale", what, "--replicas=0")
        release.kubectl("wait", "--for=delete", "pod", "-l", label, "--timeout=60s")
        yield
    finally:
        _persist(lambda: release.kubectl("scale", what, f"--replicas={replicas}"))


def _kill_processors(on: Target, seconds: int) -> None:
    killed: set[str] = set()
    for _ in range(seconds):
        running = [each for each in on.containers("processor") if each.id not in killed]
        if running:
            killed.add(running[0].id)
            containers.send(SIGKILL, containers.processes(running[0].id, on.node.cgroup))
        time.sleep(1)


def _cut_watches(on: Target, times: int) -> None:
    for _ in range(times):
        network.reset_connections(on.processes([on.active_operator()])[0])
        time.sleep(2)


def _cut_off(on: Target, seconds: float) -> None:
    if (first := on.node.process()) is None:
        raise ClusterError("the node does not run")
    with network.severed(first.pid, [on.active_operator().address]):
        time.sleep(seconds)


def _wrong_clock(on: Target, offset: int, seconds: float) -> None:
    template = on.configured("deployment/darkroom-operator")["spec"]["template"]
    try:
        clock.bring(on.release)
        _roll_out(on.release, clock.with_wrong_clock(template, offset))
        clock.check(on.release, offset)
        time.sleep(seconds)
    finally:
        _persist(lambda: _roll_out(on.release, template))


def _roll_out(release: Release, template: dict[str, Any]) -> None:
    patch = json.dumps([{"op": "replace", "path": "/spec/template", "value": template}])
    operator = "deployment/darkroom-operator"
    release.kubectl("patch", operator, "--type=json", "-p", patch)
    release.kubectl("rollout", "status", operator, "--timeout=90s")


def _persist(undo: Callable[[], object], tries: int = 10) -> None:
    """Undo a fault, also where what undoes it needs a moment to answer again."""
    for _ in range(tries - 1):
        try:
            undo()
        except ClusterError:
            time.sleep(3)
        else:
            return
    undo()
