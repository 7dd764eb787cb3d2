"""The operator as a process of this machine: told by its environment, looked at from outside."""

import asyncio
import os
import re
import secrets
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from free_ports import free_port
from waiting import until

_SAMPLE: Final = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_REQUESTS: Final = "rest_client_requests_total"
_WRITES: Final = ("POST", "PATCH", "DELETE")
_RESYNCED: Final = "darkroom_resync_last_success_timestamp_seconds"


@dataclass(frozen=True)
class OperatorProcess:
    """An operator that runs."""

    process: subprocess.Popen[bytes]
    metrics_port: int
    log: Path

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self.process.pid

    def resident_bytes(self) -> int:
        """Return its resident memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) * 1024 if found else 0

    def cpu_seconds(self) -> float:
        """Return the processor time that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def metric(self, name: str, *parts: str) -> float:
        """Return the sum of a metric's samples whose labels contain all of these parts."""
        return sum(
            float(value)
            for found, labels, value in _SAMPLE.findall(self._metrics())
            if found == name and all(part in labels for part in parts)
        )

    def _metrics(self) -> str:
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=30) as response:
            text: str = response.read().decode()
        return text

    def writes(self) -> int:
        """Return how often it has written to the API server, but for renewing its Lease."""
        return int(sum(self.metric(_REQUESTS, f'method="{method}"') for method in _WRITES))

    def answers(self) -> Counter[str]:
        """Return how often the API server gave it which answer, as "method code"."""
        labels = re.compile(r'code="(\d+)",.*method="(\w+)"')
        answers: Counter[str] = Counter()
        for name, found, value in _SAMPLE.findall(self._metrics()):
            if name == _REQUESTS and (parts := labels.search(found)):
                answers[f"{parts[2]} {parts[1]}"] += int(float(value))
        return answers

    def renewals(self) -> int:
        """Return how often it has renewed its Lease, which nothing else is PUT."""
        return int(self.metric(_REQUESTS, 'method="PUT"'))

    def resynced_at(self) -> float:
        """Return when it last finished looking at everything; 0 before the first time."""
        return self.metric(_RESYNCED)

    async def stays(self) -> None:
        """Wait for ever; raises RuntimeError once it has ended, for nothing would go on then."""
        while True:
            self._has_to_run()
            await asyncio.sleep(1)

    def _has_to_run(self) -> None:
        if self.process.poll() is not None:
            msg = f"the operator has ended: its log is {self.log}"
            raise RuntimeError(msg)

    async def until_ready(self) -> None:
        """Wait until it has looked at everything for the first time."""

        async def is_ready() -> bool:
            self._has_to_run()
            with suppress(OSError):
                return self.resynced_at() > 0
            return False

        await until(is_ready, "the operator's first look at everything")


def machine_cpu_seconds() -> float:
    """Return how long the machine's CPUs have been busy, with whatever, since it was started."""
    _, user, nice, system, _, _, *interrupts = Path("/proc/stat").read_text().split("\n")[0].split()
    return sum(int(part) for part in (user, nice, system, *interrupts[:2])) / _TICKS


@contextmanager
def operator_process(
    kubeconfig: Path,
    namespace: str,
    database_url: str,
    log: Path,
    **settings: str,
) -> Iterator[OperatorProcess]:
    """Run an operator for one namespace; further settings by their names in lower case."""
    metrics_port = free_port()
    told = {
        "namespace": namespace,
        "database_url": database_url,
        "storage__url": "http://darkroom-api",
        "storage__signing_key": secrets.token_hex(32),
        "processor_image": "localhost/darkroom-processor:none",
        "metrics_port": str(metrics_port),
        "liveness_port": str(free_port()),
        **settings,
    }
    environment = {f"DARKROOM_{name.upper()}": value for name, value in told.items()}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "darkroom_operator"],
            env=os.environ | environment | {"KUBECONFIG": str(kubeconfig)},
            stdout=output,
            stderr=output,
        )
    try:
        yield OperatorProcess(process, metrics_port, log)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
