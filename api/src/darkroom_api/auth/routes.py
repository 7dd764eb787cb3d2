"""Registration, access tokens and who am I."""

import uuid
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, ValidationError

from darkroom_api import responses
from darkroom_api.auth import queries
from darkroom_api.auth.identity import Identity, Role
from darkroom_api.auth.schemas import (
    AccessToken,
    Credentials,
    Registration,
    User,
    normalised_email,
)
from darkroom_api.deps import Database, Res, SignedIn
from darkroom_api.errors import (
    BadRequestError,
    EmailTakenError,
    ForbiddenError,
    InvalidError,
    UnauthorizedError,
    UnavailableError,
    WrongCredentialsError,
)
from darkroom_api.problem_handlers import invalid_fields

router = APIRouter(prefix="/v1", tags=["auth"])

_FORM: Final = "application/x-www-form-urlencoded"


class _Form(BaseModel):
    username: str
    password: str


_TOKEN_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": Credentials.model_json_schema()},
            _FORM: {"schema": _Form.model_json_schema()},
        },
    }
}


@router.post(
    "/auth/register",
    operation_id="register",
    status_code=HTTPStatus.CREATED,
    responses=responses.of(EmailTakenError, ForbiddenError, InvalidError, UnavailableError),
)
async def register(wanted: Registration, resources: Res, pool: Database) -> User:
    """Make a user, if registration is open here."""
    if not resources.settings.registration_open:
        raise ForbiddenError("registration is closed here: ask the admin for an account")
    password_hash = await resources.passwords.hashed(wanted.password)
    async with pool.connection() as connection:
        row = await queries.insert_user(
            connection, user_id=uuid.uuid4(), email=wanted.email, password_hash=password_hash
        )
    if row is None:
        raise EmailTakenError(f"{wanted.email} is registered already: sign in instead")
    return _user(row)


@router.post(
    "/auth/token",
    operation_id="createToken",
    openapi_extra=_TOKEN_BODY,
    responses=responses.of(BadRequestError, WrongCredentialsError, InvalidError, UnavailableError),
)
async def create_token(request: Request, resources: Res, pool: Database) -> AccessToken:
    """Exchange e-mail and password for an access token: as JSON, or as OAuth 2's password form."""
    sent = await _credentials(request)
    passwords, tokens = resources.passwords, resources.tokens
    async with pool.connection() as connection:
        user = await queries.user_by_email(connection, _email_or_nothing(sent.email))
    if (
        not await passwords.are_equal(user.password_hash if user else None, sent.password)
        or user is None
    ):
        raise WrongCredentialsError("no user has this e-mail address and this password")
    if passwords.is_outdated(user.password_hash):
        renewed = await passwords.hashed(sent.password)
        async with pool.connection() as connection:
            await queries.set_password_hash(connection, user_id=user.id, password_hash=renewed)
    token = tokens.made_for(Identity(user.id, Role(user.role)))
    return AccessToken(access_token=token, expires_in=tokens.seconds)


@router.get(
    "/me",
    operation_id="getMe",
    responses=responses.of(UnauthorizedError, UnavailableError),
)
async def me(identity: SignedIn, pool: Database) -> User:
    """Who the access token was made for."""
    async with pool.connection() as connection:
        row = await queries.user_by_id(connection, identity.user_id)
    if row is None:
        raise UnauthorizedError("this user does not exist any more")
    return _user(row)


async def _credentials(request: Request) -> Credentials:
    try:
        if request.headers.get("content-type", "").split(";")[0].strip().lower() == _FORM:
            form = await request.form()
            return Credentials.model_validate(
                {"email": form.get("username"), "password": form.get("password")}
            )
        return Credentials.model_validate_json(await request.body())
    except ValidationError as error:
        raise invalid_fields(error.errors()) from None


def _email_or_nothing(text: str) -> str:
    """Normalise as far as it goes: what is no address belongs to nobody."""
    try:
        return normalised_email(text)
    except ValueError:
        return ""


def _user(row: queries.UserRow) -> User:
    return User(id=row.id, email=row.email, role=Role(row.role), created_at=row.created_at)
