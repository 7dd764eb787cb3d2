"""Migrations: plain SQL files, up and down, applied under a lock, one transaction each.

The files are `migrations/NNNN_name.up.sql` and `.down.sql`. What was applied is kept in the table
`darkroom_migrations`, with a checksum, so that a file that was edited later is noticed.

The API serves meanwhile, so a migration never makes it wait long. A statement that waits for a lock
has everybody else wait behind it: it gives up after a second, lets them pass, and tries again. What
takes long (an index of a large table) is built beside the writers, which Postgres does outside of
transactions only: a file whose first line is `-- no transaction` is carried out statement by
statement, and each of them has to bear being repeated.
"""

import hashlib
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import psycopg
from psycopg.rows import class_row

from darkroom_api.errors import CommandError

_FILE: Final = re.compile(r"(\d{4})_(\w+)\.up\.sql")
# Any number that nothing else in this database locks.
_LOCK: Final = 0x6461726B
_PATIENCE_SECONDS: Final = 120.0
_RETRY_SECONDS: Final = 2
_LOCK_TIMEOUT: Final = "1s"
_NO_TRANSACTION: Final = "-- no transaction"
# A line that is more than a comment.
_CODE: Final = re.compile(r"^(?!\s*(--|$))", re.MULTILINE)


@dataclass(frozen=True)
class Migration:
    """One step of the schema."""

    version: int
    name: str
    up: str
    down: str

    @property
    def is_transaction(self) -> bool:
        """Whether it is done whole or not at all."""
        return not self.up.startswith(_NO_TRANSACTION)

    @property
    def checksum(self) -> str:
        """Identifies the text that was applied."""
        return hashlib.sha256(self.up.encode()).hexdigest()


@dataclass(frozen=True)
class Applied:
    """A step that the database has."""

    version: int
    name: str
    checksum: str


@dataclass(frozen=True)
class Step:
    """One migration, in one direction."""

    migration: Migration
    is_up: bool


def migrations() -> list[Migration]:
    """Return the migrations of this release, in order."""
    directory = files("darkroom_api") / "migrations"
    found = []
    for file in directory.iterdir():
        if match := _FILE.fullmatch(file.name):
            down = directory / file.name.replace(".up.", ".down.")
            found.append(
                Migration(
                    version=int(match[1]),
                    name=match[2],
                    up=file.read_text("utf-8"),
                    down=down.read_text("utf-8"),
                )
            )
    return sorted(found, key=lambda migration: migration.version)


def plan_up(
    known: Sequence[Migration], applied: Sequence[Applied], target: int | None
) -> list[Step]:
    """Return the steps up to the version `target`, or to the newest.

    A database that is newer than this release is left as it is: an older release runs on it while
    it is being rolled back.
    """
    _check(known, applied)
    done = {row.version for row in applied}
    return [
        Step(migration, is_up=True)
        for migration in known
        if migration.version not in done and (target is None or migration.version <= target)
    ]


def plan_down(
    known: Sequence[Migration], applied: Sequence[Applied], target: int | None
) -> list[Step]:
    """Return the steps down to the version `target`, or the one that takes the newest back."""
    _check(known, applied)
    versions = sorted((row.version for row in applied), reverse=True)
    doomed = versions[:1] if target is None else [v for v in versions if v > target]
    by_version = {migration.version: migration for migration in known}
    for version in doomed:
        if version not in by_version:
            raise CommandError(
                f"migration {version:04} is not part of this release: "
                "go down with the release that has it"
            )
    return [Step(by_version[version], is_up=False) for version in doomed]


def _check(known: Sequence[Migration], applied: Sequence[Applied]) -> None:
    checksums = {migration.version: migration.checksum for migration in known}
    for row in applied:
        if checksums.get(row.version, row.checksum) != row.checksum:
            raise CommandError(
                f"migration {row.version:04} {row.name} was changed after it was applied: "
                "restore the file, and make the change in a new migration"
            )


def up(
    url: str,
    *,
    target: int | None = None,
    wait_seconds: float = 0,
    patience_seconds: float = _PATIENCE_SECONDS,
) -> list[Step]:
    """Apply what is missing, up to `target`, and return what was done.

    `wait_seconds` is for Postgres to be there, `patience_seconds` for whoever holds a lock.
    """
    with _session(url, wait_seconds, patience_seconds) as connection:
        steps = plan_up(migrations(), applied(connection), target)
        return _carry_out(connection, steps, patience_seconds)


def down(
    url: str,
    *,
    target: int | None = None,
    wait_seconds: float = 0,
    patience_seconds: float = _PATIENCE_SECONDS,
) -> list[Step]:
    """Take back what is above `target`, or the newest, and return what was done."""
    with _session(url, wait_seconds, patience_seconds) as connection:
        steps = plan_down(migrations(), applied(connection), target)
        return _carry_out(connection, steps, patience_seconds)


def status(url: str, *, wait_seconds: float = 0) -> list[tuple[Migration, bool]]:
    """Return every migration of this release, and whether the database has it."""
    with _connected(url, wait_seconds) as connection:
        row = connection.execute("SELECT to_regclass('darkroom_migrations') IS NOT NULL").fetchone()
        done = {row.version for row in applied(connection)} if row and row[0] else set()
    return [(migration, migration.version in done) for migration in migrations()]


@contextmanager
def _session(
    url: str, wait_seconds: float, patience_seconds: float
) -> Iterator[psycopg.Connection]:
    """Connect, keep everybody else from migrating, and make sure of the table."""
    with _connected(url, wait_seconds) as connection, _locked(connection, patience_seconds):
        _make_table(connection)
        yield connection


def _carry_out(
    connection: psycopg.Connection, steps: list[Step], patience_seconds: float
) -> list[Step]:
    for step in steps:
        _take_patiently(connection, step, patience_seconds)
    return steps


@contextmanager
def _connected(url: str, wait_seconds: float) -> Iterator[psycopg.Connection]:
    """Connect, waiting for a server that is not there yet."""
    started = time.monotonic()
    while True:
        try:
            connection = psycopg.connect(url, autocommit=True, connect_timeout=5)
            break
        except psycopg.OperationalError as error:
            reason = str(error).strip().splitlines()[0]
            waited = time.monotonic() - started
            if waited >= wait_seconds:
                raise CommandError(
                    f"Postgres did not answer in {wait_seconds:.0f} s: {reason}"
                ) from error
            _say(f"waiting for Postgres ({waited:.0f} s): {reason}")
            time.sleep(min(_RETRY_SECONDS, wait_seconds))
    with connection:
        yield connection


@contextmanager
def _locked(connection: psycopg.Connection, patience_seconds: float) -> Iterator[None]:
    """Let nobody else migrate meanwhile; the lock ends with the connection at the latest."""
    started = time.monotonic()
    # Asked for again and again: who waits inside a statement is somebody whom an index that is
    # built concurrently waits for.
    while not _has_lock(connection):
        if time.monotonic() - started >= patience_seconds:
            raise CommandError(
                f"another migration has been running for {patience_seconds:.0f} s: "
                "look at it, then try again"
            )
        time.sleep(0.1)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _has_lock(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
    return bool(row and row[0])


def _make_table(connection: psycopg.Connection) -> None:
    connection.execute(
        """
        CREATE TABLE IF NOT EXISTS darkroom_migrations (
            version integer PRIMARY KEY,
            name text NOT NULL,
            checksum text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )


def applied(connection: psycopg.Connection) -> list[Applied]:
    """Return what the database has."""
    with connection.cursor(row_factory=class_row(Applied)) as cursor:
        return cursor.execute(
            "SELECT version, name, checksum FROM darkroom_migrations ORDER BY version"
        ).fetchall()


def _take_patiently(connection: psycopg.Connection, step: Step, patience_seconds: float) -> None:
    label = f"{step.migration.version:04} {step.migration.name}"
    connection.execute("SELECT set_config('lock_timeout', %s, false)", [_LOCK_TIMEOUT])
    started = time.monotonic()
    while True:
        try:
            _take(connection, step)
            break
        except psycopg.errors.LockNotAvailable as error:
            waited = time.monotonic() - started
            if waited >= patience_seconds:
                raise CommandError(
                    f"migration {label} was not applied: somebody has held a lock for "
                    f"{waited:.0f} s. Look at pg_stat_activity for the oldest xact_start (a "
                    "backup, a report), end it or wait for it, then try again"
                ) from error
            _say(f"{label} waits for a lock ({waited:.0f} s); others are served meanwhile")
            time.sleep(1)
        except psycopg.Error as error:
            reason = str(error).strip().splitlines()[0]
            raise CommandError(f"migration {label} failed and was rolled back: {reason}") from error
    _say(f"{'applied' if step.is_up else 'took back'} {label}")


def _take(connection: psycopg.Connection, step: Step) -> None:
    text = step.migration.up if step.is_up else step.migration.down
    if step.migration.is_transaction:
        with connection.transaction():
            connection.execute(text)
            _note(connection, step)
        return
    for statement in statements_of(text):
        connection.execute(statement)
    _note(connection, step)


def statements_of(text: str) -> list[str]:
    """Return the statements of a file without a transaction, each of which ends its line."""
    return [part for part in re.split(r";\s*\n", text) if _CODE.search(part)]


def _note(connection: psycopg.Connection, step: Step) -> None:
    migration = step.migration
    if step.is_up:
        connection.execute(
            "INSERT INTO darkroom_migrations (version, name, checksum) VALUES (%s, %s, %s)",
            [migration.version, migration.name, migration.checksum],
        )
    else:
        connection.execute(
            "DELETE FROM darkroom_migrations WHERE version = %s", [migration.version]
        )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
