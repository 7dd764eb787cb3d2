"""Migrations: plain SQL files, up and down, applied under a lock, one transaction each.

The files are `migrations/NNNN_name.up.sql` and `.down.sql`. What was applied is kept in the table
`darkroom_migrations`, with a checksum, so that a file that was edited later is noticed.
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
_LOCK_WAIT: Final = "120s"
_RETRY_SECONDS: Final = 2


@dataclass(frozen=True)
class Migration:
    """One step of the schema."""

    version: int
    name: str
    up: str
    down: str

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


def up(url: str, *, target: int | None = None, wait_seconds: float = 0) -> list[Step]:
    """Apply what is missing, up to `target`, and return what was done."""
    with _session(url, wait_seconds) as connection:
        return _carry_out(connection, plan_up(migrations(), _applied(connection), target))


def down(url: str, *, target: int | None = None, wait_seconds: float = 0) -> list[Step]:
    """Take back what is above `target`, or the newest, and return what was done."""
    with _session(url, wait_seconds) as connection:
        return _carry_out(connection, plan_down(migrations(), _applied(connection), target))


def status(url: str, *, wait_seconds: float = 0) -> list[tuple[Migration, bool]]:
    """Return every migration of this release, and whether the database has it."""
    with _connected(url, wait_seconds) as connection:
        row = connection.execute("SELECT to_regclass('darkroom_migrations') IS NOT NULL").fetchone()
        done = {row.version for row in _applied(connection)} if row and row[0] else set()
    return [(migration, migration.version in done) for migration in migrations()]


@contextmanager
def _session(url: str, wait_seconds: float) -> Iterator[psycopg.Connection]:
    """Connect, keep everybody else from migrating, and make sure of the table."""
    with _connected(url, wait_seconds) as connection, _locked(connection):
        _make_table(connection)
        yield connection


def _carry_out(connection: psycopg.Connection, steps: list[Step]) -> list[Step]:
    for step in steps:
        _take(connection, step)
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
def _locked(connection: psycopg.Connection) -> Iterator[None]:
    """Let nobody else migrate meanwhile; the lock ends with the connection at the latest."""
    connection.execute("SELECT set_config('lock_timeout', %s, false)", [_LOCK_WAIT])
    try:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    except psycopg.errors.LockNotAvailable as error:
        raise CommandError(
            f"another migration has been running for {_LOCK_WAIT}: look at it, then try again"
        ) from error
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


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


def _applied(connection: psycopg.Connection) -> list[Applied]:
    with connection.cursor(row_factory=class_row(Applied)) as cursor:
        return cursor.execute(
            "SELECT version, name, checksum FROM darkroom_migrations ORDER BY version"
        ).fetchall()


def _take(connection: psycopg.Connection, step: Step) -> None:
    migration = step.migration
    label = f"{migration.version:04} {migration.name}"
    try:
        with connection.transaction():
            connection.execute(migration.up if step.is_up else migration.down)
            if step.is_up:
                connection.execute(
                    "INSERT INTO darkroom_migrations (version, name, checksum) VALUES (%s, %s, %s)",
                    [migration.version, migration.name, migration.checksum],
                )
            else:
                connection.execute(
                    "DELETE FROM darkroom_migrations WHERE version = %s", [migration.version]
                )
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise CommandError(f"migration {label} failed and was rolled back: {reason}") from error
    _say(f"{'applied' if step.is_up else 'took back'} {label}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
