"""The pages of docs/howto that need no cluster of their own: bash runs them as they stand.

The API is a process on a real Postgres. What answers for Kubernetes is the fake one, and what plays
the operator and its processors gives each output a few bytes: that pages and API agree is seen here
in seconds, that pictures come out is for the same pages in tests/e2e.
"""

import hashlib
import os
import shlex
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from darkroom_api.tasks.files import key_of, wishes_of
from psycopg.types.json import Jsonb

ROOT = Path(__file__).parents[3]
ADMIN = {"email": "admin@darkroom.internal", "password": "the admin's password"}
USER = {"email": "you@example.com", "password": "correct horse battery staple"}
SECONDS = 60
DUE = """
SELECT id, namespace, name, uid, spec, recipe_outputs, cancel_requested_at IS NOT NULL, status
FROM tasks WHERE uid IS NOT NULL AND status IN ('queued', 'running')
"""


class Stage:
    """Plays what is between a resource and the end of its task."""

    def __init__(self, database_url: str, objects: Path) -> None:
        self._url = database_url
        self._objects = objects
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._stop.wait(0.2):
                for row in connection.execute(DUE).fetchall():
                    self._go_on(connection, *row)

    def _go_on(  # the columns
        self,
        connection: psycopg.Connection,
        task_id: str,
        namespace: str,
        name: str,
        uid: str,
        spec: dict[str, Any],
        recipe_outputs: list[dict[str, Any]] | None,
        is_canceled: bool,  # noqa: FBT001  # a column
        status: str,
    ) -> None:
        del task_id
        seen: dict[str, Any] = {"namespace": namespace, "name": name, "uid": uid, "attempts": 1}
        if is_canceled:
            seen["status"] = "canceled"
        elif status == "queued":
            seen["status"] = "running"
        else:
            seen |= {"status": "succeeded", "outputs": self._made(uid, spec, recipe_outputs)}
        connection.execute("SELECT darkroom_record(%s)", [Jsonb(seen)])

    def _made(
        self, uid: str, spec: dict[str, Any], recipe_outputs: list[dict[str, Any]] | None
    ) -> list[dict[str, Any]]:
        made = []
        for wish in wishes_of(spec, recipe_outputs):
            body = f"made for {wish.file.name}".encode()
            file = self._objects / key_of(uid, wish.file)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
            facts = {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
            made.append({"name": wish.file.name, "format": wish.file.format, **facts})
        return made


@pytest.fixture
def workplace(served: tuple[str, Any], tmp_path: Path) -> Path:
    """A folder that looks to a shell as the repository does after `make up`."""
    place = tmp_path / "workplace"
    (place / ".darkroom").mkdir(parents=True)
    (place / "samples").symlink_to(ROOT / "samples")
    variables = {
        "DARKROOM_URL": served[0],
        "DARKROOM_EMAIL": USER["email"],
        "DARKROOM_PASSWORD": USER["password"],
        "DARKROOM_ADMIN_EMAIL": ADMIN["email"],
        "DARKROOM_ADMIN_PASSWORD": ADMIN["password"],
    }
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    (place / ".darkroom/env").write_text("".join(lines))
    return place


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """The photograph of the samples is longer than what other tests accept."""
    return environment | {"DARKROOM_MAX_UPLOAD_BYTES": "100000000"}


@pytest.fixture
def stage(database_url: str, objects: Path) -> Iterator[None]:
    with Stage(database_url, objects):
        yield


@pytest.mark.usefixtures("stage")
def test_the_commands_of_a_page_work_as_they_stand(
    howto: Path, workplace: Path, served: tuple[str, Any], commands: Callable[[Path], str]
) -> None:
    script = commands(howto)
    if "kubectl" in script:
        pytest.skip("needs a cluster: tests/e2e runs it")
    httpx2.post(f"{served[0]}/v1/auth/register", json=USER).raise_for_status()
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-x", "-c", script],
        cwd=workplace,
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
