"""A node of our own: a Kubernetes in its own namespaces, started and stopped without a trace."""

import hashlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from darkroom_cluster import binary, cgroups, configs, containers, credentials
from darkroom_cluster.api import Api, ApiError, ready
from darkroom_cluster.cluster import NODE_PORT, Cluster, ClusterError, alone
from darkroom_cluster.orders import FURNISHED, RUNNING, Orders
from darkroom_cluster.ports import API_SERVER_PORTS, WEB_PORTS, listen
from darkroom_cluster.process import Process
from darkroom_cluster.progress import step
from darkroom_cluster.requirements import SEARCH_PATH

START_PATIENCE, HEALTH_PATIENCE = 120.0, 20.0


class Node:
    """The node of this name whose state is in this directory."""

    def __init__(self, name: str, state: Path) -> None:
        """Say which; nothing is done yet."""
        self.name = name
        self.home = state.resolve() / "clusters" / name
        self.kubeconfig = self.home / "kubeconfig"
        self._lock = self.home.with_suffix(".lock")
        digest = hashlib.sha256(str(self.home).encode()).hexdigest()[:8]
        self.cgroup = f"darkroom-{name}-{digest}"

    def ensure(self) -> Cluster:
        """Find it running and well, or start it."""
        binary.directory()
        with alone(self._lock):
            if self.process() is not None and self._well_within(HEALTH_PATIENCE):
                return self._cluster()
            self._end()
            with step(f"Starting the cluster {self.name}", log=self.home / "logs" / "init.log"):
                self._start()
        return self._cluster()

    def stop(self) -> None:
        """End it and remove all that it was."""
        if not self.home.exists():
            return
        with alone(self._lock):
            self._end()
            shutil.rmtree(self.home)

    def process(self) -> Process | None:
        """Return its first process if that runs."""
        try:
            process = Process(**json.loads((self.home / "process.json").read_text()))
        except FileNotFoundError:
            return None
        return process if process.alive() else None

    def program(self, name: str) -> Process | None:
        """Return one of its programs (kube-apiserver, etcd, kubelet, ...) if that runs."""
        if (first := self.process()) is None:
            return None
        numbers: dict[str, int] = json.loads((self.home / RUNNING).read_text())
        return first.child(numbers[name]) if name in numbers else None

    def problem(self) -> str | None:
        """Say what is not as it should be."""
        if self.process() is None:
            return "it is not running"
        try:
            return self._reported_problem()
        except (OSError, http.client.HTTPException, ApiError) as error:
            return f"its API server does not answer as it should: {error}"

    def _reported_problem(self) -> str | None:
        if not ready(self.kubeconfig):
            return "its API server does not answer"
        if not (self.home / FURNISHED).exists():
            return "its DNS does not answer"
        api = Api(self.kubeconfig)
        if not _node_ready(api.get("/api/v1/nodes")["items"]):
            return "its kubelet does not report that the node is ready"
        accounts = api.get("/api/v1/namespaces/default/serviceaccounts")["items"]
        if "default" not in [account["metadata"]["name"] for account in accounts]:
            return "its controllers have not made the default service account"
        return None

    def _cluster(self) -> Cluster:
        web = json.loads((self.home / "ports.json").read_text())["web"]
        return Cluster(self.name, "node", self.kubeconfig, f"http://127.0.0.1:{web}")

    def _end(self) -> None:
        if process := self.process():
            process.kill()
        cgroups.remove(self.cgroup)

    def _start(self) -> None:
        logs = self.home / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        for left in ("process.json", RUNNING, FURNISHED):
            (self.home / left).unlink(missing_ok=True)
        shutil.rmtree(self.home / "pod-logs", ignore_errors=True)
        recorded = self.home / "ports.json"
        ports = json.loads(recorded.read_text()) if recorded.exists() else {}
        with (
            listen(API_SERVER_PORTS, ports.get("api")) as api,
            listen(WEB_PORTS, ports.get("web")) as web,
        ):
            ports = {"api": api.getsockname()[1], "web": web.getsockname()[1]}
            recorded.write_text(json.dumps(ports))
            self._write_configs(ports["api"])
            cgroups.create(self.cgroup)
            self._launch(api.fileno(), web.fileno())
        containers.load(self._first_process(), [containers.sandbox_archive()])
        if not self._well_within(START_PATIENCE):
            raise ClusterError(
                f"The cluster {self.name}: {self.problem()}; its logs are in {logs}."
            )

    def _write_configs(self, port: int) -> None:
        config = self.home / "config"
        for name, content in configs.render(self.name, f"/{self.cgroup}").items():
            (config / name).parent.mkdir(parents=True, exist_ok=True)
            (config / name).write_text(content)
        if not self.kubeconfig.exists():
            credentials.issue(self.home, self.name, self.kubeconfig)
        credentials.readdress(self.kubeconfig, f"https://127.0.0.1:{port}")

    def _launch(self, api: int, web: int) -> None:
        orders = Orders(self.name, str(self.home), str(binary.directory()), NODE_PORT, api, web)
        command = ["setsid", "--fork", "unshare", "--mount", "--net", "--pid", "--fork"]
        command += [sys.executable, "-m", "darkroom_cluster.init", json.dumps(asdict(orders))]
        with (self.home / "logs" / "init.log").open("a") as log:
            launched = subprocess.run(
                command,
                check=False,
                cwd="/",
                env={**os.environ, "PATH": SEARCH_PATH},
                pass_fds=(api, web),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            if launched.returncode:
                raise ClusterError(f"The cluster {self.name} did not start: the log is {log.name}.")

    def _first_process(self) -> int:
        deadline = time.monotonic() + 15
        while (process := self.process()) is None:
            if time.monotonic() > deadline:
                raise ClusterError(f"The cluster {self.name} did not start.")
            time.sleep(0.02)
        return process.pid

    def _well_within(self, patience: float) -> bool:
        deadline = time.monotonic() + patience
        while self.problem() is not None:
            if time.monotonic() > deadline or self.process() is None:
                return False
            time.sleep(0.1)
        return True


def _node_ready(nodes: list[dict[str, Any]]) -> bool:
    ready = [
        condition["status"] == "True"
        for node in nodes
        for condition in node["status"].get("conditions", [])
        if condition["type"] == "Ready"
    ]
    return bool(ready) and all(ready)
