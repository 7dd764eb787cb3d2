"""Sessions: what a sign-in begins, refresh tokens carry on, and a sign-out ends.

Each use of a refresh token makes its successor the good one (RFC 9700, 4.14). Whoever comes with an
older one has a copy, or was robbed of it: the session ends. The immediate predecessor is good for
ten seconds more, and gives the same successor again, for a client whose answer was lost.
"""

import logging
from typing import Final
from uuid import UUID

import uuid_utils.compat
from starlette.requests import HTTPConnection

from darkroom_api import audit
from darkroom_api.auth import refresh_token, session_queries
from darkroom_api.auth.identity import SCOPES_OF, Identity, Role
from darkroom_api.auth.queries import UserRow
from darkroom_api.auth.refresh_token import RefreshToken
from darkroom_api.auth.schemas import AccessToken
from darkroom_api.auth.signing_keys import refresh_key
from darkroom_api.database import Connection
from darkroom_api.errors import RefreshRefusedError, WrongCredentialsError
from darkroom_api.limits.address import address_of
from darkroom_api.resources import Resources

_log = logging.getLogger(__name__)

GRACE_SECONDS: Final = 10.0
_LONGEST_AGENT: Final = 256


async def start(
    connection: Connection, resources: Resources, user: UserRow, request: HTTPConnection
) -> AccessToken:
    """Begin a session; return its tokens.

    Raises WrongCredentialsError if the user was changed meanwhile.
    """
    session_id = uuid_utils.compat.uuid7()
    agent = request.headers.get("user-agent", "").replace("\0", "")[:_LONGEST_AGENT]
    async with connection.transaction():
        role = await session_queries.insert_session(
            connection,
            session_id=session_id,
            user=user,
            seconds=resources.settings.refresh_token_seconds,
            address=address_of(request.scope),
            user_agent=agent or None,
        )
        if role is None:
            raise WrongCredentialsError("this account was changed just now: sign in again")
        await audit.record(
            connection, audit.Event.SIGNED_IN, actor=user.id, subject=user.email, request=request
        )
    return _tokens(resources, user.id, Role(role), RefreshToken(session_id, 0))


async def refreshed(
    connection: Connection, resources: Resources, text: str, request: HTTPConnection
) -> AccessToken:
    """Exchange a refresh token for new tokens, or raise RefreshRefusedError."""
    settings = resources.settings
    token = refresh_token.read(text, refresh_key(settings.jwt_key.get_secret_value()))
    if token is None:
        raise RefreshRefusedError("this is not a refresh token: sign in again")
    row = await session_queries.rotate(
        connection,
        session_id=token.session_id,
        generation=token.generation,
        seconds=settings.refresh_token_seconds,
    )
    if row is not None:
        successor = RefreshToken(token.session_id, row.generation)
        return _tokens(resources, row.user_id, Role(row.role), successor)
    now = await session_queries.stale(connection, token.session_id)
    if now is None:
        raise RefreshRefusedError("this session is over: sign in again")
    if token.generation == now.generation - 1 and now.seconds_since <= GRACE_SECONDS:
        successor = RefreshToken(token.session_id, now.generation)
        return _tokens(resources, now.user_id, Role(now.role), successor)
    await _revoke(connection, resources, token, now.user_id, request)
    raise RefreshRefusedError(
        "this refresh token was used before: its session is over, for somebody may have a copy"
    )


async def end(
    connection: Connection, resources: Resources, identity: Identity, request: HTTPConnection
) -> None:
    """End the session that a request was made in."""
    if identity.session_id is None:
        return
    async with connection.transaction():
        is_news = await session_queries.end(
            connection, identity.session_id, user_id=identity.user_id
        )
        if is_news:
            await audit.record(
                *(connection, audit.Event.SIGNED_OUT),
                actor=identity.user_id,
                subject=None,
                request=request,
            )
    resources.ended_sessions.note(identity.session_id)


async def end_all_sessions(
    connection: Connection, user_id: UUID, *, but: UUID | None = None
) -> list[UUID]:
    """End all sessions of a user (but one), in the caller's transaction; return which."""
    return await session_queries.end_all(connection, user_id, but=but)


async def _revoke(
    connection: Connection,
    resources: Resources,
    token: RefreshToken,
    user_id: UUID,
    request: HTTPConnection,
) -> None:
    async with connection.transaction():
        await session_queries.end(connection, token.session_id, user_id=user_id)
        await audit.record(
            *(connection, audit.Event.REFRESH_REUSED),
            actor=user_id,
            subject=str(token.session_id),
            request=request,
        )
    resources.ended_sessions.note(token.session_id)
    _log.warning("a refresh token was used again: session %s is over", token.session_id)


def _tokens(resources: Resources, user_id: UUID, role: Role, refresh: RefreshToken) -> AccessToken:
    settings = resources.settings
    identity = Identity(user_id, role, SCOPES_OF[role], session_id=refresh.session_id)
    return AccessToken(
        access_token=resources.tokens.made_for(identity),
        expires_in=resources.tokens.seconds,
        refresh_token=refresh_token.written(
            refresh, refresh_key(settings.jwt_key.get_secret_value())
        ),
        refresh_expires_in=settings.refresh_token_seconds,
    )
