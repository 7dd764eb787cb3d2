"""Registration, signing in and out, and who am I."""

import uuid
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ValidationError

from darkroom_api import audit, errors, responses
from darkroom_api.auth import queries, sessions, sign_in_tries
from darkroom_api.auth.identity import Role
from darkroom_api.auth.passwords import Passwords
from darkroom_api.auth.proving import mail_verification
from darkroom_api.auth.schemas import (
    AccessToken,
    Credentials,
    PendingUser,
    Refresh,
    Registration,
    User,
    checked_password,
    normalised_email,
)
from darkroom_api.database import Connection
from darkroom_api.deps import Database, Res, SignedIn
from darkroom_api.limits.address import address_of
from darkroom_api.problem_handlers import invalid_fields
from darkroom_api.resources import Resources

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
    responses={
        202: {
            "model": PendingUser,
            "description": "Where addresses have to be proven: a mail is on its way there, or the "
            "address is registered already.",
        },
        **responses.of(
            errors.BadRequestError,
            errors.EmailTakenError,
            errors.ForbiddenError,
            errors.InvalidError,
            errors.UnavailableError,
        ),
    },
)
async def register(
    wanted: Registration, request: Request, response: Response, resources: Res, pool: Database
) -> User | PendingUser:
    """Make a user, if registration is open here."""
    if not resources.settings.registration_open:
        raise errors.ForbiddenError("registration is closed here: ask the admin for an account")
    checked_password(wanted.password, wanted.email, pointer="#/password")
    password_hash = await resources.passwords.hashed(wanted.password)
    must_prove = resources.settings.email_verification
    async with pool.connection() as connection, connection.transaction():
        row = await queries.insert_user(
            connection, user_id=uuid.uuid4(), email=wanted.email, password_hash=password_hash
        )
        if row is not None:
            await audit.record(
                *(connection, audit.Event.REGISTERED),
                actor=row.id,
                subject=row.email,
                request=request,
            )
            if must_prove:
                await mail_verification(connection, row)
    if must_prove:
        # The same whether the address was free: who has an account here is nobody's business.
        response.status_code = HTTPStatus.ACCEPTED
        return PendingUser(email=wanted.email)
    if row is None:
        raise errors.EmailTakenError(f"{wanted.email} is registered already: sign in instead")
    return _user(row)


@router.post(
    "/auth/token",
    operation_id="createToken",
    openapi_extra=_TOKEN_BODY,
    responses=responses.of(
        errors.BadRequestError,
        errors.WrongCredentialsError,
        errors.EmailNotVerifiedError,
        errors.AccountDisabledError,
        errors.InvalidError,
        errors.SignInBlockedError,
        errors.UnavailableError,
    ),
)
async def create_token(request: Request, resources: Res, pool: Database) -> AccessToken:
    """Sign in: exchange e-mail and password for tokens, as JSON or as OAuth 2's password form."""
    sent = await _credentials(request)
    email, address = _email_or_nothing(sent.email), address_of(request.scope)
    async with pool.connection() as connection:
        user = await _who_may_try(connection, email, address, request)
    if (
        not await resources.passwords.are_equal(user.password_hash if user else None, sent.password)
        or user is None
    ):
        async with pool.connection() as connection:
            await audit.record(
                *(connection, audit.Event.SIGN_IN_FAILED),
                actor=None,
                subject=email or None,
                request=request,
            )
        raise errors.WrongCredentialsError("no user has this e-mail address and this password")
    _refuse_shut_out(resources, user)
    renewed = await _renewed_hash(resources.passwords, user, sent.password)
    async with pool.connection() as connection:
        if renewed and await queries.renew_password_hash(
            connection, user_id=user.id, old=user.password_hash, new=renewed
        ):
            user = replace(user, password_hash=renewed)
        await sign_in_tries.forgive(connection, email=email, address=address)
        return await sessions.start(connection, resources, user, request)


@router.post(
    "/auth/refresh",
    operation_id="refreshToken",
    responses=responses.of(
        errors.BadRequestError,
        errors.RefreshRefusedError,
        errors.InvalidError,
        errors.UnavailableError,
    ),
)
async def refresh_token(
    sent: Refresh, request: Request, resources: Res, pool: Database
) -> AccessToken:
    """Exchange a refresh token for new tokens. Each is good once; used again, it ends the session.

    For ten seconds after its use it gives the same successor again, if an answer was lost.
    """
    async with pool.connection() as connection:
        return await sessions.refreshed(connection, resources, sent.refresh_token, request)


@router.post(
    "/auth/logout",
    operation_id="logout",
    status_code=HTTPStatus.NO_CONTENT,
    responses=responses.of(errors.UnauthorizedError, errors.UnavailableError),
)
async def logout(identity: SignedIn, request: Request, resources: Res, pool: Database) -> None:
    """Sign out: the session's tokens are good no more, within two seconds everywhere."""
    async with pool.connection() as connection:
        await sessions.end(connection, resources, identity, request)


@router.get(
    "/me",
    operation_id="getMe",
    responses=responses.of(errors.UnauthorizedError, errors.UnavailableError),
)
async def me(identity: SignedIn, pool: Database) -> User:
    """Who the access token was made for."""
    async with pool.connection() as connection:
        row = await queries.user_by_id(connection, identity.user_id)
    if row is None:
        raise errors.UnauthorizedError("this user does not exist any more")
    return _user(row)


async def _who_may_try(
    connection: Connection, email: str, address: str, request: Request
) -> queries.UserRow | None:
    try:
        await sign_in_tries.take_try(connection, email=email, address=address)
    except errors.SignInBlockedError:
        await audit.record(
            *(connection, audit.Event.SIGN_IN_BLOCKED),
            actor=None,
            subject=email or None,
            request=request,
        )
        raise
    return await queries.user_by_email(connection, email)


def _refuse_shut_out(resources: Resources, user: queries.UserRow) -> None:
    """Say so to who knows the password, and to nobody else."""
    if user.disabled_at:
        raise errors.AccountDisabledError("an admin has disabled this account: ask them")
    if resources.settings.email_verification and not user.email_verified_at:
        raise errors.EmailNotVerifiedError(
            "prove your address first: send the token that was mailed to /v1/auth/email/verify, "
            "or have another mailed by /v1/auth/email/verification"
        )


async def _renewed_hash(passwords: Passwords, user: queries.UserRow, password: str) -> str | None:
    """Return a hash by today's numbers, where the one that is kept was made by others."""
    if user.password_hash and passwords.is_outdated(user.password_hash):
        return await passwords.hashed(password)
    return None


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
    return User(
        id=row.id,
        email=row.email,
        role=Role(row.role),
        email_verified=row.email_verified_at is not None,
        created_at=row.created_at,
    )
