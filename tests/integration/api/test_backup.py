"""A dump, the loss of everything, and a restore: tasks, results, users and sessions are there."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import httpx2
import psycopg
import pytest
from darkroom_api import migrate
from darkroom_api.testing import User, sign_in, until
from psycopg.types.json import Jsonb

PASSWORD = "a long enough password"


def run(command: str, database_url: str, text: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "darkroom_api", *command.split()],
        env={"PATH": os.environ["PATH"], "DARKROOM_DATABASE_URL": database_url},
        input=text,
        capture_output=True,
        check=False,
    )


def dumped(database_url: str) -> bytes:
    done = run("dump", database_url)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def finished(ada: User, db: psycopg.Connection, objects: Path) -> tuple[str, bytes]:
    """Make a task that has succeeded, and return its id and what it made."""
    task = (await ada.upload()).json()
    path = f"/v1/tasks/{task['id']}"

    async def uid_of() -> str | None:
        found: str | None = (await ada.get(path)).json()["kubernetes"]["uid"]
        return found

    uid, made = await until(uid_of), os.urandom(2000)
    seen = {
        "namespace": "media",
        "name": task["id"],
        "uid": uid,
        "status": "succeeded",
        "outputs": [{"name": "thumb", "format": "webp", "bytes": len(made), "sha256": "0" * 64}],
    }
    db.execute("SELECT darkroom_record(%s)", [Jsonb(seen)])
    file = objects / "outputs" / uid / "thumb.webp"
    file.parent.mkdir(parents=True)
    file.write_bytes(made)
    return task["id"], made


def tables(db: psycopg.Connection) -> dict[str, int]:
    names = db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    counts = {}
    for (name,) in names:
        row = db.execute(f'SELECT count(*) FROM "{name}"').fetchone()  # noqa: S608  # its own name
        assert row
        counts[name] = row[0]
    return counts


async def test_after_the_loss_of_everything_tasks_and_results_are_there_again(
    client: httpx2.AsyncClient,
    ada: User,
    database_url: str,
    db: psycopg.Connection,
    objects: Path,
    tmp_path: Path,
) -> None:
    task_id, made = await finished(ada, db, objects)
    before, counts = (await ada.get(f"/v1/tasks/{task_id}")).json(), tables(db)
    backup = dumped(database_url)
    with tarfile.open(tmp_path / "objects.tar", "w") as archive:
        archive.add(objects, ".")

    db.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    shutil.rmtree(objects)
    assert (await ada.get(f"/v1/tasks/{task_id}")).status_code >= 400

    done = run("restore --replace", database_url, backup)
    assert (done.returncode, done.stderr) == (0, b"")
    with tarfile.open(tmp_path / "objects.tar") as archive:
        archive.extractall(objects, filter="data")

    assert tables(db) == counts
    again = await sign_in(client, "ada@example.com", PASSWORD)
    assert (await again.get(f"/v1/tasks/{task_id}")).json() == before
    output = await ada.get(f"/v1/tasks/{task_id}/outputs/thumb")
    assert (output.status_code, output.content) == (200, made)
    # And it goes on: what is new is kept, and the schema can be brought further.
    assert (await again.upload()).status_code == 202
    assert migrate.up(database_url) == []


async def test_a_restore_over_what_is_there_leaves_nothing_newer(
    ada: User, database_url: str, db: psycopg.Connection
) -> None:
    backup, before = dumped(database_url), tables(db)
    await ada.upload()
    db.execute("CREATE TABLE of_a_newer_release (id int)")

    assert run("restore --replace", database_url, backup).returncode == 0
    assert tables(db) == before


async def test_events_go_on_where_the_server_counts_its_transactions_anew(
    ada: User, database_url: str, db: psycopg.Connection
) -> None:
    await ada.upload()
    # As a server that has lived longer wrote them: one was told, the other was not.
    db.execute("UPDATE task_events SET xid = (9000000000 + id)::text::xid8")
    db.execute(
        "INSERT INTO task_events (xid, task_id, type, data) VALUES ('9900000000', 't', 'x', '{}')"
    )
    db.execute("UPDATE outbox_position SET xid = '9800000000', id = 1")

    assert run("restore --replace", database_url, dumped(database_url)).returncode == 0
    await ada.upload()

    ordered = """SELECT type, xid < pg_snapshot_xmin(pg_current_snapshot())
        FROM task_events WHERE type IN ('task.created', 'x') ORDER BY xid, id"""
    expected = [("task.created", True), ("x", True), ("task.created", True)]
    await until(lambda: db.execute(ordered).fetchall() == expected)
    # And what tells of them has gone on to the last.
    told = """SELECT p.xid > '1' AND NOT EXISTS (
            SELECT 1 FROM task_events AS e WHERE (e.xid, e.id) > (p.xid, p.id)
        ) FROM outbox_position AS p"""
    await until(lambda: db.execute(told).fetchall() == [(True,)])


async def test_a_dump_that_is_cut_short_changes_nothing(
    ada: User, database_url: str, db: psycopg.Connection
) -> None:
    backup = dumped(database_url)
    await ada.upload()
    before = tables(db)
    middle = backup.index(b"COPY public.users")

    done = run("restore --replace", database_url, backup[:middle] + b"nonsense;\n")

    assert done.returncode == 1
    assert b"nothing was changed" in done.stderr
    assert tables(db) == before


def test_a_restore_has_to_say_that_what_is_there_may_go(database_url: str) -> None:
    done = run("restore", database_url)
    assert done.returncode == 2
    assert b"--replace" in done.stderr


@pytest.mark.parametrize("command", ["dump", "restore --replace"])
def test_a_database_that_is_away_is_a_sentence_without_the_password(command: str) -> None:
    done = run(command, "postgresql://darkroom:secret@127.0.0.1:9/darkroom")
    assert done.returncode == 1
    assert b"nothing was changed" in done.stderr
    assert b"secret" not in done.stderr
