"""Guessing passwords made slow, without locking out whose account it is.

A try is counted before the password is looked at, so that many at once are many; a right one is
taken back. Counted are the account as it is tried from one address, the address, and the account
from addresses from which its user never signed in: strangers slow down each other, and nobody who
signs in from where they did before. A password that is set anew by mail clears the way for the
user at a new place.
"""

from dataclasses import dataclass
from typing import Final

from darkroom_api.auth.session_queries import is_known_address
from darkroom_api.database import Connection
from darkroom_api.errors import SignInBlockedError

_LONGEST_SECONDS: Final = 900
_FORGOTTEN_SECONDS: Final = 3600
_FREE_BY_ADDRESS: Final = 30


@dataclass(frozen=True)
class Allowance:
    """Whose tries are counted, and how many are free."""

    subject: str
    free: int


async def take_try(connection: Connection, *, email: str, address: str) -> None:
    """Count a try to sign in, or raise SignInBlockedError."""
    allowances = [
        Allowance(_here(email, address), 5),
        Allowance(_address(address), _FREE_BY_ADDRESS),
    ]
    if not await is_known_address(connection, email=email, address=address):
        allowances.append(Allowance(_elsewhere(email), 20))
    for allowance in allowances:
        seconds = await _counted(connection, allowance)
        if seconds > 0:
            raise SignInBlockedError(seconds)


async def forgive(connection: Connection, *, email: str, address: str) -> None:
    """Forget the account's wrong tries, and take back the one of this address, after a right one.

    What others tried from the same address still counts: a password of their own would otherwise
    give a guesser as many tries as they like.
    """
    async with connection.transaction():
        await connection.execute(
            "DELETE FROM sign_in_tries WHERE subject = ANY(%s)",
            [[_here(email, address), _elsewhere(email)]],
        )
        await connection.execute(
            """
            UPDATE sign_in_tries SET tries = tries - 1, blocked_until =
                CASE WHEN tries <= %(free)s THEN '-infinity' ELSE blocked_until END
            WHERE subject = %(subject)s AND tries > 0
            """,
            {"subject": _address(address), "free": _FREE_BY_ADDRESS},
        )


def _here(email: str, address: str) -> str:
    return f"account {email} from {address}"


def _elsewhere(email: str) -> str:
    return f"account {email} from elsewhere"


def _address(address: str) -> str:
    return f"address {address}"


async def _counted(connection: Connection, allowance: Allowance) -> float:
    """Count a try; return the seconds that it comes too early, and then it is not counted."""
    cursor = await connection.execute(
        """
        INSERT INTO sign_in_tries AS known (subject, tries, blocked_until)
        VALUES (%(subject)s, 1, '-infinity')
        ON CONFLICT (subject) DO UPDATE SET
            tries = darkroom_tries_now(known.tries, known.updated_at, %(forgotten)s),
            blocked_until = CASE
                WHEN darkroom_tries_now(known.tries, known.updated_at, %(forgotten)s) < %(free)s
                THEN '-infinity'
                ELSE now() + make_interval(secs => least(%(longest)s, 2.0 ^ least(
                    darkroom_tries_now(known.tries, known.updated_at, %(forgotten)s) - %(free)s, 20
                )))
            END,
            updated_at = now()
        WHERE known.blocked_until <= now()
        RETURNING subject
        """,
        {
            "subject": allowance.subject,
            "free": allowance.free,
            "forgotten": _FORGOTTEN_SECONDS,
            "longest": _LONGEST_SECONDS,
        },
    )
    if await cursor.fetchone():
        return 0
    cursor = await connection.execute(
        "SELECT extract(epoch FROM blocked_until - now())::float8 FROM sign_in_tries"
        " WHERE subject = %s",
        [allowance.subject],
    )
    row = await cursor.fetchone()
    return max(float(row[0]), 1.0) if row else 0


async def forget_old(connection: Connection) -> None:
    """Delete what does not count any more."""
    await connection.execute(
        "DELETE FROM sign_in_tries WHERE updated_at < now() - make_interval(secs => %s)",
        [_FORGOTTEN_SECONDS + _LONGEST_SECONDS],
    )
