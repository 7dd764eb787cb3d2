"""The evaluation profile's Postgres: stopped, killed, and given another password."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest


@pytest.fixture
def server(postgres: Any, servers_directory: Path) -> Iterator[Any]:
    """A server of the test's own, with its own data."""
    directory = servers_directory / f"own-{time.monotonic_ns()}"
    directory.mkdir()
    directory.chmod(0o755)
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    server = type(postgres)(directory, port)
    server.start()
    yield server
    if server.process.poll() is None:
        server.stop()


def check(port: int) -> int:
    command = [sys.executable, "-m", "darkroom_api", "postgres", "--data", "/nowhere", "--check"]
    return subprocess.run([*command, "--port", str(port)], check=False).returncode


def test_sigterm_stops_it_fast_though_a_client_is_connected(server: Any) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('before')")
        started = time.monotonic()
        assert server.stop(signal.SIGTERM) == 0
        assert time.monotonic() - started < 10

    server.start()
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT word FROM kept").fetchall() == [("before",)]


def test_after_sigkill_it_recovers_what_was_committed(server: Any) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        server.stop(signal.SIGKILL)
    assert (server.directory / "data" / "pgdata" / "postmaster.pid").exists()

    server.start()
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT word FROM kept").fetchall() == []


def test_it_takes_over_a_changed_password_and_refuses_the_old_one(server: Any) -> None:
    old = server.url()
    server.stop()
    server.password = "another one"
    server.start()

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(old)


def test_a_first_start_that_was_cut_short_is_begun_again(server: Any) -> None:
    server.stop()
    data = server.directory / "data"
    (data / "pgdata").rename(data / "pgdata.new")

    server.start()
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)


def test_the_probe_tells_by_its_exit_code(server: Any) -> None:
    assert check(server.port) == 0
    server.stop()
    assert check(server.port) == 1


def test_without_a_password_it_says_what_to_set(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "DARKROOM_POSTGRES_PASSWORD"}
    done = subprocess.run(
        [sys.executable, "-m", "darkroom_api", "postgres", "--data", str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("darkroom-api: set DARKROOM_POSTGRES_PASSWORD to the password")
