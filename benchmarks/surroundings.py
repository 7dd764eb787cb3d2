"""What the operator needs around it: a cluster of its own with our definitions, and Postgres."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from accounts import kubeconfig_for, until_allowed
from cluster_api import MERGE, POOLS, Api, open_api
from darkroom_cluster.local import Local
from darkroom_cluster.node import Node
from darkroom_core import names
from darkroom_core.crd import definitions
from postgres_server import postgres
from waiting import until

NAMESPACE: Final = "bench"
NAME: Final = "bench"
_CONTROLLERS: Final = "kube-controller-manager"
_DEFINITIONS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True)
class Surroundings:
    """A cluster and a database that nobody else uses."""

    state: Path
    kubeconfig: Path
    """The operator's."""
    database_url: str
    api: Api

    @property
    def node(self) -> Node:
        """The node that the cluster is made of."""
        return Node(NAME, self.state)

    @property
    def log(self) -> Path:
        """Where the operator's output goes."""
        return self.state / "operator.log"


@asynccontextmanager
async def surroundings(state: Path, *, places: int = 10_000) -> AsyncIterator[Surroundings]:
    """Start both afresh, and end both; the default pool has so many places."""
    provider = Local()
    provider.stop(NAME, state)
    cluster = provider.ensure(NAME, state)
    (state / "operator.log").unlink(missing_ok=True)
    try:
        with postgres() as database_url:
            async with open_api(cluster.kubeconfig, NAMESPACE) as admin:
                await _furnish(admin, places)
                ours = await kubeconfig_for(admin, "benchmark", cluster.kubeconfig)
                operators = await kubeconfig_for(admin, "operator", cluster.kubeconfig)
            async with open_api(ours, NAMESPACE) as api:
                await until_allowed(api)
                yield Surroundings(state, operators, database_url, api)
    finally:
        provider.stop(NAME, state)


@contextmanager
def without_controllers(node: Node) -> Iterator[None]:
    """Hold Kubernetes' controllers still, so that nobody but the benchmark touches Jobs and pods.

    They do 20 requests a second each: five thousand pods would take a quarter of an hour.
    """
    process = node.process()
    if process is None:
        raise RuntimeError("the cluster is not running")
    controllers = _child(process.pid, _CONTROLLERS)
    os.kill(controllers, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(controllers, signal.SIGCONT)


def _child(parent: int, name: str) -> int:
    for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        program = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")[0]
        if Path(program.decode()).name == name:
            return int(child)
    msg = f"process {parent} has no child {name}"
    raise RuntimeError(msg)


async def _furnish(api: Api, places: int) -> None:
    """Bring in our definitions, a namespace, and a pool that lets everything start."""
    for definition in definitions():
        await api.call("POST", _DEFINITIONS, definition)
    await api.call("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    for definition in definitions():
        await _until_established(api, definition["metadata"]["name"])
    account = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default"
    # Without it no pod is admitted.
    await until(lambda: api.call("GET", account), "the default service account")
    await api.create(POOLS, pool(places))


def pool(places: int) -> dict[str, Any]:
    """Return the default pool with so many places."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.POOL.kind,
        "metadata": {"name": names.DEFAULT_POOL},
        "spec": {"replicas": places},
    }


async def _until_established(api: Api, name: str) -> None:
    async def is_established() -> bool:
        status = (await api.call("GET", f"{_DEFINITIONS}/{name}")).get("status", {})
        found = {c["type"]: c["status"] for c in status.get("conditions", ())}
        return found.get("Established") == "True"

    await until(is_established, f"the definition {name}")


async def cordon(api: Api, *, is_closed: bool) -> None:
    """Keep pods off the real node, or let them come again."""
    path = f"/api/v1/nodes/{NAME}"
    spec = {"spec": {"unschedulable": is_closed}}
    await api.call("PATCH", path, spec, content_type=MERGE)
