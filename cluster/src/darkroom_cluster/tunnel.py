"""Leads a port of 127.0.0.1 to a Service, by a `kubectl port-forward` that is kept running."""

import json
import os
import shlex
import signal
import socket
import subprocess
import time
from dataclasses import asdict
from pathlib import Path

from darkroom_cluster.cluster import ClusterError
from darkroom_cluster.ports import free_port
from darkroom_cluster.process import Process

PATIENCE = 30.0


class Tunnel:
    """The one tunnel whose port and process are noted in this directory."""

    def __init__(self, home: Path) -> None:
        """Say which; nothing is done yet."""
        self._noted = home / "tunnel.json"
        self._log = home / "tunnel.log"

    def port(self) -> int:
        """Return its port of 127.0.0.1: the one it has, or a free one from now on."""
        noted = self._notes()
        if "port" not in noted:
            noted["port"] = free_port()
            self._noted.write_text(json.dumps(noted))
        return int(noted["port"])

    def open(self, kubectl: Path, kubeconfig: Path, namespace: str, service: str) -> None:
        """Start it unless it runs, and wait until the port answers."""
        noted = self._notes()
        process = self._process()
        if process is None:
            process = self._start(
                *(str(kubectl), f"--kubeconfig={kubeconfig}", f"--namespace={namespace}"),
                *("port-forward", "--address=127.0.0.1", f"service/{service}"),
                f"{noted['port']}:http",
            )
            self._noted.write_text(json.dumps({**noted, **asdict(process)}))
        deadline = time.monotonic() + PATIENCE
        while not _answers(noted["port"]):
            if time.monotonic() > deadline or not process.alive():
                self.close()
                raise ClusterError(
                    f"The Service {service} cannot be reached by kubectl port-forward: the log is "
                    f"{self._log}. Say in CLUSTER_URL how else to reach it."
                )
            time.sleep(0.1)

    def close(self) -> None:
        """End it, if it runs."""
        if process := self._process():
            os.killpg(process.pid, signal.SIGKILL)
        self._noted.unlink(missing_ok=True)

    def _start(self, *command: str) -> Process:
        # A forward leads to one pod and ends with it.
        forever = f"while :; do {shlex.join(command)}; sleep 1; done"
        with self._log.open("w") as log:
            started = subprocess.Popen(
                ["/bin/sh", "-c", forever],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        # It outlives us.
        started.returncode = 0
        return Process.numbered(started.pid)

    def _process(self) -> Process | None:
        noted = self._notes()
        if "pid" not in noted:
            return None
        process = Process(noted["pid"], noted["started"])
        return process if process.alive() else None

    def _notes(self) -> dict[str, int]:
        try:
            noted: dict[str, int] = json.loads(self._noted.read_text())
        except FileNotFoundError:
            return {}
        return noted


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
