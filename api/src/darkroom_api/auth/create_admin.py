"""`darkroom-api create-admin`: makes an admin from a terminal, or from the environment.

A password is typed without being shown, or read from standard input or the environment: never from
an argument, which every user of the machine could read.
"""

import asyncio
import getpass
import os
import sys
from typing import Final

from psycopg import AsyncConnection, OperationalError
from pydantic import ValidationError

from darkroom_api.auth import queries
from darkroom_api.auth.admin import make_admin
from darkroom_api.auth.password_rules import weakness
from darkroom_api.auth.passwords import Passwords
from darkroom_api.auth.schemas import Registration
from darkroom_api.errors import CommandError

_SECONDS: Final = 5
_EMAIL_VARIABLE: Final = "DARKROOM_ADMIN_EMAIL"
_PASSWORD_VARIABLE: Final = "DARKROOM_ADMIN_PASSWORD"  # noqa: S105  # its name


def create_admin(database_url: str, *, email: str | None, is_from_stdin: bool) -> int:
    """Make the address' user an admin with this password, and say whether it is new."""
    email = email or os.environ.get(_EMAIL_VARIABLE) or _typed_email()
    password = _password(is_from_stdin=is_from_stdin)
    try:
        wanted = Registration(email=email, password=password)
    except ValidationError as error:
        told = "; ".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors())
        raise CommandError(told) from None
    if reason := weakness(wanted.password, wanted.email):
        raise CommandError(f"password: {reason}")
    is_new = asyncio.run(_make(database_url, wanted))
    what = "is an admin now" if is_new else "was a user already, and is an admin with this password"
    sys.stdout.write(f"{wanted.email} {what}\n")
    return 0


def _typed_email() -> str:
    if not sys.stdin.isatty():
        raise CommandError(f"give the address: --email, or {_EMAIL_VARIABLE}")
    return input("E-mail: ")


def _password(*, is_from_stdin: bool) -> str:
    if is_from_stdin:
        return sys.stdin.readline().rstrip("\n")
    if given := os.environ.get(_PASSWORD_VARIABLE):
        return given
    if not sys.stdin.isatty():
        raise CommandError(f"give the password: --password-stdin, or {_PASSWORD_VARIABLE}")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        raise CommandError("the two passwords differ: nothing was changed")
    return password


async def _make(database_url: str, wanted: Registration) -> bool:
    password_hash = await Passwords().hashed(wanted.password)
    try:
        async with await AsyncConnection.connect(
            database_url, connect_timeout=_SECONDS
        ) as connection:
            before = await queries.user_by_email(connection, wanted.email)
            await make_admin(connection, wanted.email, password_hash)
    except OperationalError as error:
        raise CommandError(f"Postgres does not answer: {error}") from None
    return before is None
