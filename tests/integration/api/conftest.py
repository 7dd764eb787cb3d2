"""The application on a real Postgres and real local storage; Kubernetes is `FakeCluster`.

What `FakeCluster` leaves out (schemas, admission) is tested against a real API server elsewhere.
`client` speaks to the application in memory; tests of sockets and signals run `served`.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import psycopg
import pytest
from darkroom_api.app import create_app
from darkroom_api.settings import Settings
from darkroom_api.testing import FakeApiServer, FakeCluster, User, client_of, register, sign_in

ADMIN = {"email": "admin@darkroom.internal", "password": "the admin's password"}

Environment = dict[str, str]
Start = Callable[[int], subprocess.Popen[bytes]]


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> Environment:
    """The variables of a deployment."""
    return {
        "DARKROOM_DATABASE_URL": database_url,
        "DARKROOM_NAMESPACE": "media",
        "DARKROOM_JWT_KEY": "j" * 32,
        "DARKROOM_ADMIN_EMAIL": ADMIN["email"],
        "DARKROOM_ADMIN_PASSWORD": ADMIN["password"],
        "DARKROOM_MAX_UPLOAD_BYTES": "3000000",
        "DARKROOM_LIMITS__ENABLED": "false",
        "DARKROOM_STORAGE__DIRECTORY": str(tmp_path / "objects"),
        "DARKROOM_STORAGE__URL": "http://darkroom-api",
        "DARKROOM_STORAGE__SIGNING_KEY": "s" * 32,
    }


@pytest.fixture
def settings(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings that this environment gives."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings()


@pytest.fixture
def objects(tmp_path: Path) -> Path:
    """The directory of local storage."""
    return tmp_path / "objects"


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
async def client(settings: Settings, cluster: FakeCluster) -> AsyncIterator[httpx2.AsyncClient]:
    """The running application, without a user."""
    async with client_of(create_app(settings, open_cluster=cluster.opened)) as client:
        yield client


@pytest.fixture
async def ada(client: httpx2.AsyncClient) -> User:
    return await register(client, "ada@example.com")


@pytest.fixture
async def bob(client: httpx2.AsyncClient) -> User:
    return await register(client, "bob@example.com")


@pytest.fixture
async def admin(client: httpx2.AsyncClient) -> User:
    return await sign_in(client, **ADMIN)


@pytest.fixture
def db(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection of the test's own, as the operator has one."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def api_server() -> Iterator[FakeApiServer]:
    """What answers for Kubernetes where a process of its own is tested."""
    with FakeApiServer().running() as server:
        yield server


@pytest.fixture
def kubeconfig(api_server: FakeApiServer, tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    path.write_text(api_server.kubeconfig)
    return path


@pytest.fixture
def start(environment: Environment, kubeconfig: Path, tmp_path: Path) -> Start:
    """Start `python -m darkroom_api serve` on a port, and wait until it is ready."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    more = {"KUBECONFIG": str(kubeconfig), "TMPDIR": str(temporary), "DARKROOM_HOST": "127.0.0.1"}
    log = tmp_path / "log"

    def started(port: int) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "darkroom_api", "serve"],
                env=os.environ | environment | more | {"DARKROOM_PORT": str(port)},
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + 60
        while not _is_ready(f"http://127.0.0.1:{port}"):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                pytest.fail(f"the API did not start:\n{log.read_text()}")
            time.sleep(0.05)
        return process

    return started


@pytest.fixture
def port() -> int:
    """A port on which nobody listens."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def served(start: Start, port: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`python -m darkroom_api serve` on a port of its own: its URL and the process."""
    process = start(port)
    yield f"http://127.0.0.1:{port}", process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def _is_ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/readyz").status_code == 200
    except httpx2.TransportError:
        return False
