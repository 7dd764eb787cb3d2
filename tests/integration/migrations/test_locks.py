"""Migrations run while the API serves: nobody waits long for them, and they wait for others."""

import subprocess
import sys
import threading
import time
from importlib.resources import as_file, files
from pathlib import Path

import psycopg
import pytest
from darkroom_api import migrate
from darkroom_api.errors import CommandError

SQUAWK = Path(sys.executable).parent / "squawk"
# Applied already wherever Darkroom runs, or taken in a transaction of a second with a lock timeout,
# which the runner sees to and the linter cannot know of.
FIRST_CHECKED = 7
NOT_OURS = (
    *("prefer-robust-stmts", "require-lock-timeout", "require-statement-timeout"),
    *("prefer-bigint-over-int", "prefer-text-field", "require-enum-value-ordering"),
    *("adding-not-nullable-field", "ban-drop-column", "ban-drop-table", "prefer-identity"),
    "prefer-bigint-over-smallint",
)


def checked_files() -> list[str]:
    with as_file(files("darkroom_api") / "migrations") as directory:
        return sorted(
            str(path) for path in directory.glob("*.up.sql") if int(path.name[:4]) >= FIRST_CHECKED
        )


def squawk(*paths: str, is_transaction: bool) -> subprocess.CompletedProcess[str]:
    exclusions = [f"--exclude={rule}" for rule in NOT_OURS]
    # A file without a transaction is told by its first line; the runner opens the others'.
    how = ["--assume-in-transaction"] if is_transaction else []
    return subprocess.run(
        [str(SQUAWK), "--reporter=gcc", *exclusions, *how, *paths],
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_migration_holds_a_lock_for_long_by_the_linters_rules() -> None:
    for path in checked_files():
        is_transaction = not Path(path).read_text().startswith("-- no transaction")
        found = squawk(path, is_transaction=is_transaction)
        assert found.returncode == 0, found.stdout + found.stderr


def test_the_linter_notices_what_would_stop_the_api(tmp_path: Path) -> None:
    bad = tmp_path / "bad.up.sql"
    for statement, rule in (
        ("CREATE INDEX tasks_x ON tasks (name);", "require-concurrent-index-creation"),
        ("ALTER TABLE tasks ALTER COLUMN name TYPE varchar(9);", "changing-column-type"),
        ("ALTER TABLE tasks ADD CONSTRAINT x CHECK (name <> '');", "constraint-missing-not-valid"),
    ):
        bad.write_text(statement + "\n")
        assert rule in squawk(str(bad), is_transaction=True).stdout


def writes_in_time(url: str, stop: threading.Event, slowest: list[float]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        while not stop.is_set():
            started = time.monotonic()
            connection.execute("UPDATE tasks SET updated_at = now()")
            slowest.append(time.monotonic() - started)
            time.sleep(0.01)


def test_a_long_reader_holds_up_the_migration_and_no_writer(empty_database_url: str) -> None:
    migrate.up(empty_database_url, target=5)
    stop, slowest, done = threading.Event(), [0.0], threading.Event()

    def migrated() -> None:
        migrate.up(empty_database_url, target=6)
        done.set()

    writer = threading.Thread(target=writes_in_time, args=[empty_database_url, stop, slowest])
    migration = threading.Thread(target=migrated)
    with psycopg.connect(empty_database_url) as reader:
        # As pg_dump does: a lock of every table, until it has read all.
        reader.execute("LOCK TABLE tasks, users IN ACCESS SHARE MODE")
        writer.start()
        migration.start()
        assert not done.wait(1.5)
    assert done.wait(10)
    stop.set()
    writer.join()
    migration.join()

    assert max(slowest) < 1.5
    assert all(is_applied for _, is_applied in migrate.status(empty_database_url)[:6])


def test_a_lock_that_nobody_gives_up_ends_the_migration_with_what_to_do(
    empty_database_url: str,
) -> None:
    migrate.up(empty_database_url, target=5)
    with psycopg.connect(empty_database_url) as reader:
        reader.execute("LOCK TABLE tasks IN ACCESS SHARE MODE")
        with pytest.raises(CommandError, match=r"somebody has held a lock for .* pg_stat_activity"):
            migrate.up(empty_database_url, patience_seconds=0.1)


def test_who_migrates_already_is_waited_for_and_then_named(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [0x6461726B])
        with pytest.raises(CommandError, match="another migration has been running for 0 s"):
            migrate.up(empty_database_url, patience_seconds=0.1)


def test_a_file_without_a_transaction_is_carried_out_again_where_it_was_cut_short(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    up = (
        "-- no transaction\n"
        "-- Names are looked for.\n"
        "DROP INDEX CONCURRENTLY IF EXISTS tasks_by_name;\n"
        "CREATE INDEX CONCURRENTLY tasks_by_name\nON tasks (name);\n"
    )
    down = "-- no transaction\nDROP INDEX CONCURRENTLY IF EXISTS tasks_by_name;\n"
    migration = migrate.Migration(9000, "by_name", up, down)
    migrate.up(empty_database_url)
    known = [*migrate.migrations(), migration]
    monkeypatch.setattr(migrate, "migrations", lambda: known)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        # As an interrupted run leaves it behind.
        connection.execute("CREATE INDEX tasks_by_name ON tasks (name)")

    assert len(migrate.statements_of(up)) == 2
    assert [step.migration for step in migrate.up(empty_database_url)] == [migration]
    assert [step.is_up for step in migrate.down(empty_database_url)] == [False]
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT to_regclass('tasks_by_name')").fetchone() == (None,)
