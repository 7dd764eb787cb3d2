"""Postgres: whether it answers, is new enough, has the schema, and lets enough connections in."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import psycopg

from darkroom_api import migrate
from darkroom_api.doctor.clock import compared
from darkroom_api.doctor.finding import Finding, failed, ok, sentence, skipped, warning
from darkroom_api.errors import CommandError

OLDEST_VERSION: Final = 14
_CONNECT_SECONDS: Final = 5


def check_database(url: str, *, connections: int) -> Iterator[Finding]:
    """Look at the database that the settings name."""
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_SECONDS) as connection:
            yield ok("database", f"connected to {connection.info.host}:{connection.info.port}")
            yield _version(connection)
            yield _schema(url, connection)
            yield _room(connection, connections)
            yield _clock(connection)
    except psycopg.OperationalError as error:
        yield failed("database", sentence(error), _fix_of(str(error)))
        for name in ("database version", "migrations", "connections", "clock of the database"):
            yield skipped(name, "the database does not answer")


def _fix_of(error: str) -> str:
    """Return what to do about the usual reasons of not getting in."""
    if "password authentication failed" in error or "no password supplied" in error:
        return "the password in DARKROOM_DATABASE_URL is not the role's: correct the Secret"
    if "does not exist" in error:
        return "make the role and the database that DARKROOM_DATABASE_URL names"
    if "resolve" in error or "Name or service not known" in error:
        return "the host in DARKROOM_DATABASE_URL has no address: correct it, or the Service"
    if "remaining connection slots" in error or "too many clients" in error:
        return "raise max_connections of Postgres, or lower DARKROOM_DATABASE_CONNECTIONS"
    return (
        "start Postgres, let this pod reach its port (NetworkPolicy, firewall), "
        "or correct DARKROOM_DATABASE_URL"
    )


def _version(connection: psycopg.Connection) -> Finding:
    major = connection.info.server_version // 10_000
    if major < OLDEST_VERSION:
        return failed(
            "database version",
            f"Postgres {major}",
            f"upgrade to Postgres {OLDEST_VERSION} or newer",
        )
    return ok("database version", f"Postgres {major}")


def _schema(url: str, connection: psycopg.Connection) -> Finding:
    try:
        missing = [step for step, is_applied in migrate.status(url) if not is_applied]
        known = migrate.migrations()
        if not missing:
            migrate.plan_up(known, migrate.applied(connection), None)
    except CommandError as error:
        return failed("migrations", str(error), "run the release whose files were applied")
    if missing:
        names = ", ".join(f"{step.version:04}" for step in missing)
        return failed("migrations", f"{names} not applied", "run `darkroom-api migrate up`")
    return ok("migrations", f"all {len(known)} applied")


def _room(connection: psycopg.Connection, wanted: int) -> Finding:
    row = connection.execute(
        """
        SELECT current_setting('max_connections')::int
            - current_setting('superuser_reserved_connections')::int,
            (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')
        """
    ).fetchone()
    assert row  # noqa: S101  # a SELECT without FROM
    most, used = row
    detail = f"{used} of {most} in use; a replica opens up to {wanted}"
    if wanted > most:
        return failed(
            "connections",
            detail,
            f"raise max_connections of Postgres above {wanted}, "
            "or lower DARKROOM_DATABASE_CONNECTIONS",
        )
    if used + wanted > most:
        return warning(
            "connections",
            detail,
            "another replica would not get all it may open: raise max_connections, lower "
            "DARKROOM_DATABASE_CONNECTIONS, or put PgBouncer (session mode) between",
        )
    return ok("connections", detail)


def _clock(connection: psycopg.Connection) -> Finding:
    before = datetime.now(UTC)
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row  # noqa: S101  # a SELECT without FROM
    return compared("clock of the database", theirs=row[0], before=before, after=datetime.now(UTC))
