"""Which user somebody is whom the provider vouches for.

Who has come before is known by issuer and subject, and by nothing else. Who comes for the first
time becomes the user with their address only if the provider *and* Darkroom have verified it: else
whoever registers an address before its owner would be signed in as them, or they as him.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from starlette.requests import HTTPConnection

from darkroom_api import audit
from darkroom_api.auth.schemas import normalised_email
from darkroom_api.database import Pool
from darkroom_api.errors import UnauthorizedError
from darkroom_api.oidc import queries
from darkroom_api.oidc.settings import OidcSettings


@dataclass(frozen=True)
class Person:
    """Somebody, as the provider tells of them."""

    issuer: str
    subject: str
    email: str | None
    """None where the provider does not say that it is theirs."""


def person_of(claims: dict[str, Any]) -> Person:
    """Return whom a token is about, once it was checked."""
    email = claims.get("email")
    # Some providers say it as text.
    is_verified = claims.get("email_verified") in {True, "true"}
    try:
        address = normalised_email(email) if isinstance(email, str) and is_verified else None
    except ValueError:
        address = None
    return Person(claims["iss"], claims["sub"], address)


async def user_for(
    pool: Pool,
    person: Person,
    settings: OidcSettings,
    request: HTTPConnection | None,
) -> queries.Known:
    """Return the user that the person is, or raise UnauthorizedError."""
    async with pool.connection() as connection:
        known = await queries.by_subject(connection, person.issuer, person.subject)
    if known is None:
        known = await _newcomer(pool, person, settings, request)
    if known.is_disabled:
        raise UnauthorizedError("the account is disabled")
    return known


async def _newcomer(
    pool: Pool,
    person: Person,
    settings: OidcSettings,
    request: HTTPConnection | None,
) -> queries.Known:
    if person.email is None:
        raise UnauthorizedError(
            "the OpenID provider does not say that your e-mail address is verified, so nobody "
            "knows who you are here: sign in at /v1/auth/oidc/login once, with the scope email"
        )
    async with pool.connection() as connection, connection.transaction():
        is_new = settings.create_users and await queries.insert_user(
            connection, user_id=uuid.uuid4(), email=person.email
        )
        user = await queries.by_email(connection, person.email)
        if user is None:
            raise UnauthorizedError("you have no account here: ask the admin for one")
        if not is_new and not (settings.link_by_email and user.is_verified):
            raise UnauthorizedError(
                "a user has this e-mail address, and nobody has shown that it is yours: sign in "
                "with the password and verify the address first"
            )
        await queries.link(connection, person.issuer, person.subject, user_id=user.id)
        await audit.record(
            connection,
            audit.Event.OIDC_LINKED,
            actor=user.id,
            subject=person.email,
            request=request,
            issuer=person.issuer,
            oidc_subject=person.subject,
            is_new_user=is_new,
        )
        # Whoever else linked this subject at the same time may have had another address.
        linked = await queries.by_subject(connection, person.issuer, person.subject)
    if linked is None:
        raise UnauthorizedError("the account was deleted")
    return linked
