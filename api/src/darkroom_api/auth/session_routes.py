"""One's sessions, and the keys that sign access tokens."""

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request, Response

from darkroom_api import audit, errors, responses
from darkroom_api.auth import session_queries, sessions
from darkroom_api.auth.schemas import KeySet, Session, Sessions
from darkroom_api.deps import AccountOwner, Database, Res

router = APIRouter(tags=["auth"])

_REFUSED = responses.of(errors.UnauthorizedError, errors.ForbiddenError, errors.UnavailableError)


@router.get("/v1/me/sessions", operation_id="listSessions", responses=_REFUSED)
async def list_sessions(identity: AccountOwner, pool: Database) -> Sessions:
    """List one's sessions, the newest first."""
    async with pool.connection() as connection:
        rows = await session_queries.live_sessions(connection, identity.user_id)
    return Sessions(
        data=[
            Session(
                id=row.id,
                current=row.id == identity.session_id,
                created_at=row.created_at,
                last_used_at=row.last_used_at,
                expires_at=row.expires_at,
                address=row.address,
                user_agent=row.user_agent,
            )
            for row in rows
        ]
    )


@router.delete(
    "/v1/me/sessions/{session_id}",
    operation_id="endSession",
    status_code=HTTPStatus.NO_CONTENT,
    responses=_REFUSED | responses.of(errors.NotFoundError, errors.InvalidError),
)
async def end_session(
    session_id: UUID, identity: AccountOwner, request: Request, resources: Res, pool: Database
) -> None:
    """End one of one's sessions: its tokens are good no more, within two seconds everywhere."""
    async with pool.connection() as connection, connection.transaction():
        if not await session_queries.end(connection, session_id, user_id=identity.user_id):
            raise errors.NotFoundError(f"there is no session {session_id}")
        await audit.record(
            *(connection, audit.Event.SIGNED_OUT),
            actor=identity.user_id,
            subject=str(session_id),
            request=request,
        )
    resources.ended_sessions.note(session_id)


@router.post(
    "/v1/auth/logout-everywhere",
    operation_id="logoutEverywhere",
    status_code=HTTPStatus.NO_CONTENT,
    responses=_REFUSED,
)
async def logout_everywhere(
    identity: AccountOwner, request: Request, resources: Res, pool: Database
) -> None:
    """End all of one's sessions, this one too. API keys go on."""
    async with pool.connection() as connection, connection.transaction():
        ended = await sessions.end_all_sessions(connection, identity.user_id)
        await audit.record(
            *(connection, audit.Event.SIGNED_OUT_EVERYWHERE),
            actor=identity.user_id,
            subject=None,
            request=request,
        )
    for session_id in ended:
        resources.ended_sessions.note(session_id)


@router.get("/.well-known/jwks.json", operation_id="getJwks", tags=["auth"])
async def get_jwks(resources: Res, response: Response) -> KeySet:
    """Read the public keys of access tokens, for services that check them themselves.

    A key is here a minute before it signs, and as long as something that it has signed is good.
    """
    response.headers["Cache-Control"] = "public, max-age=30"
    return KeySet(keys=resources.signing_keys.jwks)
