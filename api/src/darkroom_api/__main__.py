"""The command line: `python -m darkroom_api COMMAND`.

Each command imports what it needs when it runs: a probe must not load a web framework.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from darkroom_api.errors import CommandError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except CommandError as error:
        sys.stderr.write(f"darkroom-api: {error}\n")
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="darkroom-api",
        description="Darkroom's REST API. Settings are read from the environment (DARKROOM_*).",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    serve = commands.add_parser("serve", help="serve the API until SIGTERM")
    serve.set_defaults(run=_serve)
    _add_migrate(commands)
    bootstrap = commands.add_parser(
        "bootstrap",
        help="make the Secret with keys and passwords, once",
        description="Makes a Secret with random keys and passwords in the namespace "
        "DARKROOM_NAMESPACE. If it exists, nothing is changed.",
    )
    bootstrap.add_argument("--secret-name", required=True, metavar="NAME", help="the Secret's name")
    bootstrap.set_defaults(run=_bootstrap)
    _add_postgres(commands)
    _add_create_admin(commands)
    _add_backup(commands)
    doctor = commands.add_parser(
        "doctor",
        help="try what an installation stands on, and say how to mend it",
        description="Checks the database, its migrations and clock, storage (an object is written, "
        "read and deleted), the rights in Kubernetes, and SMTP where mail is sent. The exit code "
        "is 0 if nothing has failed.",
    )
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.set_defaults(run=_doctor)
    _add_smoke(commands)
    openapi = commands.add_parser("openapi", help="print the OpenAPI document")
    openapi.set_defaults(run=_openapi)
    return parser


def _add_smoke(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "smoke",
        help="process a small picture with a running API",
        description="Signs in, makes a task of a small picture and reads its result. The account "
        "is in DARKROOM_ADMIN_EMAIL and DARKROOM_ADMIN_PASSWORD.",
    )
    parser.add_argument("url", metavar="URL", help="where the API is: http://host:port")
    parser.add_argument(
        "--patience", type=float, default=120, metavar="SECONDS", help="default: %(default)s"
    )
    parser.set_defaults(run=_smoke)


def _add_backup(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    dump = commands.add_parser(
        "dump",
        help="write the database to standard output",
        description="Writes the database as SQL, of one moment, while the API serves.",
    )
    dump.set_defaults(run=_dump)
    restore = commands.add_parser(
        "restore",
        help="replace the database with a dump",
        description="Replaces everything in the database with the dump on standard input, in one "
        "transaction.",
    )
    restore.add_argument(
        "--replace", action="store_true", required=True, help="say that what is there may go"
    )
    restore.set_defaults(run=_restore)


def _add_create_admin(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "create-admin",
        help="make an admin, or make a user one",
        description="Makes an admin. The password is asked for without being shown, or read from "
        "standard input or DARKROOM_ADMIN_PASSWORD; no argument takes it, for others could see it.",
    )
    parser.add_argument("--email", help="the address; default: DARKROOM_ADMIN_EMAIL, or asked for")
    parser.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )
    parser.set_defaults(run=_create_admin)


def _add_migrate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    migrate = commands.add_parser("migrate", help="bring the database's schema up or down")
    steps = migrate.add_subparsers(metavar="up|down|status", required=True)
    up = steps.add_parser("up", help="apply the migrations that are missing")
    up.add_argument("--to", type=int, metavar="N", help="stop after migration N")
    down = steps.add_parser("down", help="take migrations back; their data is lost")
    down.add_argument("--to", type=int, metavar="N", help="down to N (0: all); default: one step")
    status = steps.add_parser("status", help="list the migrations and whether they are applied")
    for parser, run in ((up, _migrate_up), (down, _migrate_down), (status, _migrate_status)):
        parser.add_argument(
            *("--wait",),
            type=float,
            default=120,
            metavar="SECONDS",
            help="how long to wait for Postgres (default: %(default)s)",
        )
        parser.set_defaults(run=run)


def _add_postgres(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "postgres",
        help="run a small Postgres, for evaluation",
        description="Runs Postgres in the foreground, for evaluation. Role and database are both "
        "'darkroom', the password is DARKROOM_POSTGRES_PASSWORD. SIGTERM stops it fast.",
    )
    parser.add_argument("--data", type=Path, required=True, help="directory for its files")
    parser.add_argument("--host", default="0.0.0.0", help="address (default: %(default)s)")  # noqa: S104  # a pod's
    parser.add_argument("--port", type=int, default=5432, help="port (default: %(default)s)")
    parser.add_argument(
        *("--set",),
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a server parameter; may be repeated",
    )
    parser.add_argument(
        "--check", action="store_true", help="only say by the exit code whether it is ready"
    )
    parser.set_defaults(run=_postgres)


def _serve(_options: argparse.Namespace) -> int:
    from darkroom_api.serve import serve  # noqa: PLC0415

    return serve()


def _bootstrap(options: argparse.Namespace) -> int:
    from darkroom_api.bootstrap import bootstrap  # noqa: PLC0415

    return bootstrap(secret_name=options.secret_name, namespace=_variable("DARKROOM_NAMESPACE"))


def _create_admin(options: argparse.Namespace) -> int:
    from darkroom_api.auth.create_admin import create_admin  # noqa: PLC0415

    return create_admin(
        _variable("DARKROOM_DATABASE_URL"),
        email=options.email,
        is_from_stdin=options.password_stdin,
    )


def _dump(_options: argparse.Namespace) -> int:
    from darkroom_api import backup  # noqa: PLC0415

    return backup.dump(_variable("DARKROOM_DATABASE_URL"))


def _restore(_options: argparse.Namespace) -> int:
    from darkroom_api import backup  # noqa: PLC0415

    return backup.restore(_variable("DARKROOM_DATABASE_URL"))


def _doctor(options: argparse.Namespace) -> int:
    from darkroom_api.doctor.report import doctor  # noqa: PLC0415

    return doctor(is_json=options.json)


def _smoke(options: argparse.Namespace) -> int:
    from darkroom_api.smoke import Account, smoke  # noqa: PLC0415

    account = Account(_variable("DARKROOM_ADMIN_EMAIL"), _variable("DARKROOM_ADMIN_PASSWORD"))
    sys.stdout.write(smoke(options.url, account, patience=options.patience))
    return 0


def _openapi(_options: argparse.Namespace) -> int:
    from darkroom_api import openapi  # noqa: PLC0415

    sys.stdout.write(openapi.text())
    return 0


def _migrate_up(options: argparse.Namespace) -> int:
    from darkroom_api import migrate  # noqa: PLC0415

    if not migrate.up(
        _variable("DARKROOM_DATABASE_URL"), target=options.to, wait_seconds=options.wait
    ):
        sys.stdout.write("nothing to apply\n")
    return 0


def _migrate_down(options: argparse.Namespace) -> int:
    from darkroom_api import migrate  # noqa: PLC0415

    if not migrate.down(
        _variable("DARKROOM_DATABASE_URL"), target=options.to, wait_seconds=options.wait
    ):
        sys.stdout.write("nothing to take back\n")
    return 0


def _migrate_status(options: argparse.Namespace) -> int:
    from darkroom_api import migrate  # noqa: PLC0415

    for migration, is_applied in migrate.status(
        _variable("DARKROOM_DATABASE_URL"), wait_seconds=options.wait
    ):
        state = "applied" if is_applied else "missing"
        sys.stdout.write(f"{migration.version:04} {migration.name:30} {state}\n")
    return 0


def _postgres(options: argparse.Namespace) -> int:
    from darkroom_api import postgres  # noqa: PLC0415

    server = postgres.Server(options.data, options.host, options.port, options.set)
    if options.check:
        return 0 if postgres.is_ready(server) else 1
    return postgres.run(server, password=os.environ.get("DARKROOM_POSTGRES_PASSWORD", ""))


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise CommandError(f"set {name}")
    return value


if __name__ == "__main__":
    sys.exit(main())
