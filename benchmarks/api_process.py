"""The API as a process of this machine, and the bare application beside it."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from darkroom_api.testing import FakeApiServer
from free_ports import free_port

ADMIN: Final = "admin@darkroom.internal"
_PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Served:
    """A server that answers."""

    port: int
    process: subprocess.Popen[bytes]
    admin_password: str = ""

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def memory(self, field: str) -> int:
        """Return VmRSS or VmHWM in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{field}:\s+(\d+) kB", status)
        return int(found[1]) * 1024 if found else 0

    def call(
        self, path: str, body: Mapping[str, Any] | None = None, token: str = ""
    ) -> dict[str, Any]:
        """Send JSON, and return the answer's."""
        headers = {"Content-Type": "application/json"} | _bearer(token)
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            document: dict[str, Any] = json.load(answer)
        return document

    def signed_in(self, email: str) -> str:
        """Register somebody, and return their access token."""
        password = secrets.token_urlsafe(16)
        self.call("/v1/auth/register", {"email": email, "password": password})
        return self.token(email, password)

    def token(self, email: str, password: str) -> str:
        """Return an access token."""
        found: str = self.call("/v1/auth/token", {"email": email, "password": password})[
            "access_token"
        ]
        return found


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


@contextmanager
def bare(database_url: str) -> Iterator[Served]:
    """Serve the bare application."""
    port = free_port()
    environment = os.environ | {"DATABASE_URL": database_url, "PORT": str(port)}
    command = [sys.executable, str(Path(__file__).parent / "bare_app.py")]
    with _running(command, environment, port, "/docs") as process:
        yield Served(port, process)


@contextmanager
def darkroom(database_url: str, **settings: str) -> Iterator[Served]:
    """Serve the API; what answers for Kubernetes is the tests' fake, so no task is processed."""
    port, password = free_port(), secrets.token_urlsafe(16)
    with (
        tempfile.TemporaryDirectory(prefix="darkroom-api-") as name,
        FakeApiServer().running() as api_server,
    ):
        directory = Path(name)
        (directory / "kubeconfig").write_text(api_server.kubeconfig)
        environment = os.environ | {
            "KUBECONFIG": str(directory / "kubeconfig"),
            "DARKROOM_DATABASE_URL": database_url,
            "DARKROOM_JWT_KEY": secrets.token_urlsafe(32),
            "DARKROOM_HOST": "127.0.0.1",
            "DARKROOM_PORT": str(port),
            "DARKROOM_ADMIN_EMAIL": ADMIN,
            "DARKROOM_ADMIN_PASSWORD": password,
            "DARKROOM_STORAGE__DIRECTORY": str(directory / "objects"),
            "DARKROOM_STORAGE__URL": f"http://127.0.0.1:{port}",
            "DARKROOM_STORAGE__SIGNING_KEY": secrets.token_urlsafe(32),
            # All that comes in is by one address and a few users: limits are not what is measured.
            **LIMITS,
            **_AS_IN_THE_IMAGE,
            **settings,
        }
        command = [sys.executable, "-m", "darkroom_api", "serve"]
        with _running(command, environment, port, "/readyz") as process:
            yield Served(port, process, password)


_AS_IN_THE_IMAGE: Final = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "1048576",
    # Its modules are compiled: compiling them takes memory that a process keeps.
    "PYTHONDONTWRITEBYTECODE": "",
    "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "darkroom-bytecode"),
}

LIMITS: Final = {"DARKROOM_LIMITS__ENABLED": "false"}
"""The settings under which one address may ask as often as it can."""


@contextmanager
def _running(
    command: list[str], environment: Mapping[str, str], port: int, ready: str
) -> Iterator[subprocess.Popen[bytes]]:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while not _answers(f"http://127.0.0.1:{port}{ready}"):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise RuntimeError(f"it did not start:\n{log.read().decode()}")
                time.sleep(0.05)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False
