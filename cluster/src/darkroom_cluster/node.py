"""A node of our own: one Kubernetes in namespaces of its own, started and stopped without a trace."""

import fcntl
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from darkroom_cluster import binary, cgroups, configs, containers
from darkroom_cluster.api import Api, ready
from darkroom_cluster.cluster import NODE_PORT, Cluster, ClusterError
from darkroom_cluster.layout import ADDRESS, API_PORT, KUBERNETES_SERVICE
from darkroom_cluster.orders import FURNISHED, Orders
from darkroom_cluster.pki import Authority
from darkroom_cluster.process import Process
from darkroom_cluster.progress import step
from darkroom_cluster.requirements import SEARCH_PATH

START_PATIENCE, HEALTH_PATIENCE = 120.0, 20.0
WEB_PORT = 8080


class Node:
    """The node of this name whose state is in this directory."""

    def __init__(self, name: str, state: Path) -> None:
        """Say which; nothing is done yet."""
        self.name = name
        self.home = state.resolve() / "clusters" / name
        self.kubeconfig = self.home / "kubeconfig"
        digest = hashlib.sha256(str(self.home).encode()).hexdigest()[:8]
        self._cgroup = f"darkroom-{name}-{digest}"

    def ensure(self) -> Cluster:
        """Find it running and well, or start it."""
        binary.directory()
        with self._locked():
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
        with self._locked():
            self._end()
            shutil.rmtree(self.home)

    def process(self) -> Process | None:
        """Return its first process if that runs."""
        try:
            process = Process(**json.loads((self.home / "process.json").read_text()))
        except FileNotFoundError:
            return None
        return process if process.alive() else None

    def problem(self) -> str | None:
        """Say what is not as it should be."""
        if self.process() is None:
            return "it is not running"
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

    @contextmanager
    def _locked(self) -> Iterator[None]:
        locks = self.home.parent
        locks.mkdir(parents=True, exist_ok=True)
        with (locks / f"{self.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _end(self) -> None:
        if process := self.process():
            process.kill()
        cgroups.remove(self._cgroup)

    def _start(self) -> None:
        logs = self.home / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        for left in ("process.json", FURNISHED):
            (self.home / left).unlink(missing_ok=True)
        shutil.rmtree(self.home / "pod-logs", ignore_errors=True)
        recorded = self.home / "ports.json"
        ports = json.loads(recorded.read_text()) if recorded.exists() else {}
        with _listen(ports.get("api", 0)) as api, _listen(ports.get("web", WEB_PORT)) as web:
            ports = {"api": api.getsockname()[1], "web": web.getsockname()[1]}
            recorded.write_text(json.dumps(ports))
            self._write_configs(ports["api"])
            cgroups.create(self._cgroup)
            self._launch(api.fileno(), web.fileno())
        containers.load(self._first_process(), [containers.sandbox_archive()])
        if not self._well_within(START_PATIENCE):
            raise ClusterError(f"The cluster {self.name}: {self.problem()}; its logs are in {logs}.")

    def _write_configs(self, port: int) -> None:
        config, pki = self.home / "config", self.home / "pki"
        files = configs.render(self.name, f"/{self._cgroup}")
        for name, content in files.items():
            (config / name).parent.mkdir(parents=True, exist_ok=True)
            (config / name).write_text(content)
        if (pki / "tokens.pub").exists() and self.kubeconfig.exists():
            self._readdress(port)
            return
        shutil.rmtree(pki, ignore_errors=True)
        authority = Authority(pki)
        hosts = [ADDRESS, KUBERNETES_SERVICE, "127.0.0.1", "localhost", "kubernetes"]
        hosts += ["kubernetes.default", "kubernetes.default.svc"]
        authority.sign("apiserver", "kube-apiserver", hosts=[*hosts, f"{hosts[-1]}.cluster.local"])
        authority.sign("apiserver-kubelet", "kube-apiserver", "system:masters")
        authority.sign("front-proxy", "front-proxy")
        users = {
            "kubelet": (f"system:node:{self.name}", "system:nodes"),
            "kube-controller-manager": ("system:kube-controller-manager",),
            "kube-scheduler": ("system:kube-scheduler",),
            "kube-proxy": ("system:kube-proxy", "system:masters"),
            "coredns": ("coredns", "system:masters"),
            "inside": ("darkroom-node", "system:masters"),
        }
        for user, identity in users.items():
            authority.sign(user, *identity, hosts=[ADDRESS, self.name] if user == "kubelet" else [])
            content = authority.kubeconfig(user, f"https://{ADDRESS}:{API_PORT}")
            (config / f"{user}.kubeconfig").write_text(content)
        authority.sign("admin", "admin", "system:masters")
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(authority.kubeconfig("admin", f"https://127.0.0.1:{port}"))
        authority.key_pair("tokens")

    def _readdress(self, port: int) -> None:
        config = json.loads(self.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
        self.kubeconfig.write_text(json.dumps(config, indent=2) + "\n")

    def _launch(self, api: int, web: int) -> None:
        orders = Orders(
            self.name, str(self.home), str(binary.directory()), NODE_PORT, api, web
        )
        command = ["setsid", "--fork", "unshare", "--mount", "--net", "--pid", "--fork"]
        command += [sys.executable, "-m", "darkroom_cluster.init", json.dumps(asdict(orders))]
        with (self.home / "logs" / "init.log").open("a") as log:
            subprocess.run(
                command,
                check=True,
                cwd="/",
                env={**os.environ, "PATH": SEARCH_PATH},
                pass_fds=(api, web),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

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


def _listen(port: int) -> socket.socket:
    """Listen on this port of 127.0.0.1 if it is free, else on any."""
    for candidate in (port, 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", candidate))
            listener.listen(1024)
        except OSError:
            listener.close()
        else:
            return listener
    raise ClusterError("127.0.0.1 has no free port.")
