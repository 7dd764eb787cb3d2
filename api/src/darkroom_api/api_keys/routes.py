"""API keys: make them, look at them, revoke them."""

from http import HTTPStatus
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from darkroom_api import audit, errors, responses
from darkroom_api.api_keys import queries
from darkroom_api.api_keys.authenticator import is_past
from darkroom_api.api_keys.key import new_key
from darkroom_api.api_keys.schemas import ApiKeys, ApiKeyView, NewApiKey, WantedKey, view_of
from darkroom_api.auth.identity import Identity, Scope
from darkroom_api.deps import AccountOwner, Database, Res
from darkroom_api.problem import InvalidField

router = APIRouter(prefix="/v1/api-keys", tags=["api-keys"])

_MOST: Final = 50
_SHOWN: Final = 200
_REFUSALS: Final = (errors.UnauthorizedError, errors.ForbiddenError, errors.UnavailableError)


@router.post(
    "",
    operation_id="createApiKey",
    status_code=HTTPStatus.CREATED,
    responses=responses.of(*_REFUSALS, errors.InvalidError, errors.TooManyKeysError),
)
async def create_api_key(
    wanted: WantedKey, request: Request, response: Response, identity: AccountOwner, pool: Database
) -> NewApiKey:
    """Make an API key. Its secret is in this answer, and nowhere else."""
    if identity.via == "api_key":
        raise errors.ForbiddenError("an API key cannot make another one: sign in to make it")
    _refuse_useless(wanted, identity)
    key = new_key()
    async with pool.connection() as connection, connection.transaction():
        if await queries.count_usable(connection, identity.user_id) >= _MOST:
            raise errors.TooManyKeysError(f"you have {_MOST} API keys: revoke one that is not used")
        row = await queries.insert(
            connection,
            key_id=key.id,
            owner=identity.user_id,
            name=wanted.name,
            key_hash=key.hash,
            scopes=sorted({scope.value for scope in wanted.scopes}),
            expires_at=wanted.expires_at,
        )
        await audit.record(
            connection,
            audit.Event.API_KEY_MADE,
            actor=identity.user_id,
            subject=str(key.id),
            request=request,
            name=row.name,
            scopes=row.scopes,
        )
    response.headers["Location"] = f"{request.base_url}v1/api-keys/{key.id}"
    return NewApiKey(**view_of(row).model_dump(), key=key.text)


@router.get("", operation_id="listApiKeys", responses=responses.of(*_REFUSALS))
async def list_api_keys(identity: AccountOwner, pool: Database) -> ApiKeys:
    """List one's own API keys, without their secrets."""
    async with pool.connection() as connection:
        rows = await queries.of_owner(connection, identity.user_id, limit=_SHOWN)
    return ApiKeys(data=[view_of(row) for row in rows])


@router.get(
    "/{key_id}",
    operation_id="getApiKey",
    responses=responses.of(*_REFUSALS, errors.NotFoundError, errors.InvalidError),
)
async def get_api_key(key_id: UUID, identity: AccountOwner, pool: Database) -> ApiKeyView:
    """Look at one of one's own API keys, or as an admin at anybody's."""
    async with pool.connection() as connection:
        row = await queries.by_id(connection, key_id, owner=_owner(identity, Scope.ADMIN_READ))
    if row is None:
        raise errors.NotFoundError(f"there is no API key {key_id}")
    return view_of(row)


@router.delete(
    "/{key_id}",
    operation_id="revokeApiKey",
    status_code=HTTPStatus.NO_CONTENT,
    responses=responses.of(*_REFUSALS, errors.NotFoundError, errors.InvalidError),
)
async def revoke_api_key(
    key_id: UUID, request: Request, identity: AccountOwner, resources: Res
) -> None:
    """End a key of one's own, or as an admin anybody's: within 2 s on every replica."""
    async with resources.pool.connection() as connection, connection.transaction():
        row = await queries.by_id(connection, key_id, owner=_owner(identity, Scope.ADMIN_WRITE))
        if row is None:
            raise errors.NotFoundError(f"there is no API key {key_id}")
        if await queries.revoke(connection, key_id):
            await audit.record(
                connection,
                audit.Event.API_KEY_REVOKED,
                actor=identity.user_id,
                subject=str(key_id),
                request=request,
                owner=str(row.owner),
            )
    resources.api_keys.forget(key_id)


def _owner(identity: Identity, for_anybodys: Scope) -> UUID | None:
    return None if for_anybodys in identity.scopes else identity.user_id


def _refuse_useless(wanted: WantedKey, identity: Identity) -> None:
    found = [
        InvalidField(
            pointer=f"#/scopes/{number}",
            detail=f"you do not have the scope {scope.value} yourself",
        )
        for number, scope in enumerate(wanted.scopes)
        if scope not in identity.scopes
    ]
    if is_past(wanted.expires_at):
        found.append(InvalidField(pointer="#/expires_at", detail="this is in the past"))
    if found:
        raise errors.InvalidError(f"{found[0].pointer}: {found[0].detail}", errors=found)
