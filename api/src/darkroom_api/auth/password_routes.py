"""Passwords that are changed or forgotten, and addresses that are proven."""

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Request

from darkroom_api import audit, errors, responses
from darkroom_api.auth import one_time_tokens, queries, sessions, sign_in_tries
from darkroom_api.auth.one_time_tokens import Purpose
from darkroom_api.auth.proving import mail_reset, mail_verification
from darkroom_api.auth.queries import UserRow
from darkroom_api.auth.schemas import (
    Accepted,
    Forgotten,
    PasswordChange,
    PasswordReset,
    Verification,
    checked_password,
    normalised_email,
)
from darkroom_api.database import Connection, Pool
from darkroom_api.deps import AccountOwner, Database, Res
from darkroom_api.limits.address import address_of
from darkroom_api.mail.outbox import Template, queue_mail

router = APIRouter(prefix="/v1/auth", tags=["auth"])

_REFUSED = responses.of(
    errors.BadRequestError, errors.MailedTokenError, errors.InvalidError, errors.UnavailableError
)


@router.post(
    "/password/change",
    operation_id="changePassword",
    status_code=HTTPStatus.NO_CONTENT,
    responses=responses.of(
        errors.BadRequestError,
        errors.UnauthorizedError,
        errors.WrongCredentialsError,
        errors.ForbiddenError,
        errors.InvalidError,
        errors.SignInBlockedError,
        errors.UnavailableError,
    ),
)
async def change_password(
    sent: PasswordChange, identity: AccountOwner, request: Request, resources: Res, pool: Database
) -> None:
    """Replace one's password. All other sessions end."""
    async with pool.connection() as connection:
        user = await queries.user_by_id(connection, identity.user_id)
        if user is None:
            raise errors.UnauthorizedError("this user does not exist any more")
        await sign_in_tries.take_try(
            connection, email=user.email, address=address_of(request.scope)
        )
    if not await resources.passwords.are_equal(user.password_hash, sent.current_password):
        raise errors.WrongCredentialsError("this is not the password until now")
    checked_password(sent.new_password, user.email, pointer="#/new_password")
    password_hash = await resources.passwords.hashed(sent.new_password)
    async with pool.connection() as connection, connection.transaction():
        await sign_in_tries.forgive(connection, email=user.email, address=address_of(request.scope))
        ended = await _replace(connection, user, password_hash, but=identity.session_id)
        await _tell(connection, user, audit.Event.PASSWORD_CHANGED, request)
    for session_id in ended:
        resources.ended_sessions.note(session_id)


@router.post(
    "/password/forgot",
    operation_id="forgotPassword",
    status_code=HTTPStatus.ACCEPTED,
    responses=responses.of(errors.BadRequestError, errors.InvalidError, errors.UnavailableError),
)
async def forgot_password(
    sent: Forgotten, request: Request, later: BackgroundTasks, pool: Database
) -> Accepted:
    """Have a token mailed by which to set a new password. The answer is the same for everybody."""
    later.add_task(_mail_reset, pool, sent.email, request)
    return Accepted(detail="if somebody has an account with this address, a mail is on its way")


@router.post(
    "/password/reset",
    operation_id="resetPassword",
    status_code=HTTPStatus.NO_CONTENT,
    responses=_REFUSED,
)
async def reset_password(
    sent: PasswordReset, request: Request, resources: Res, pool: Database
) -> None:
    """Set a new password by the token that was mailed. All sessions end."""
    # Hashed before the token is used up, and whether or not it is good: it takes as long.
    password_hash = await resources.passwords.hashed(sent.new_password)
    async with pool.connection() as connection, connection.transaction():
        proven = await one_time_tokens.redeem(connection, sent.token, Purpose.RESET_PASSWORD)
        if proven is None:
            raise errors.MailedTokenError("this token is not good: have another mailed")
        checked_password(sent.new_password, proven.email, pointer="#/new_password")
        user = await queries.user_by_id(connection, proven.user_id)
        if user is None:
            raise errors.MailedTokenError("this token is not good: have another mailed")
        await sign_in_tries.forgive(connection, email=user.email, address=address_of(request.scope))
        ended = await _replace(connection, user, password_hash)
        await queries.note_verified(connection, user.id)
        await _tell(connection, user, audit.Event.PASSWORD_RESET, request)
    for session_id in ended:
        resources.ended_sessions.note(session_id)


@router.post(
    "/email/verification",
    operation_id="sendVerification",
    status_code=HTTPStatus.ACCEPTED,
    responses=responses.of(errors.BadRequestError, errors.InvalidError, errors.UnavailableError),
)
async def send_verification(sent: Forgotten, later: BackgroundTasks, pool: Database) -> Accepted:
    """Have a token mailed by which to prove an address. The answer is the same for everybody."""
    later.add_task(_mail_verification, pool, sent.email)
    return Accepted(detail="if this address is still to be proven, a mail is on its way")


@router.post(
    "/email/verify",
    operation_id="verifyEmail",
    status_code=HTTPStatus.NO_CONTENT,
    responses=_REFUSED,
)
async def verify_email(sent: Verification, request: Request, pool: Database) -> None:
    """Prove one's address by the token that was mailed there."""
    async with pool.connection() as connection, connection.transaction():
        proven = await one_time_tokens.redeem(connection, sent.token, Purpose.VERIFY_EMAIL)
        if proven is None:
            raise errors.MailedTokenError("this token is not good: have another mailed")
        await queries.note_verified(connection, proven.user_id)
        await audit.record(
            *(connection, audit.Event.EMAIL_VERIFIED),
            actor=proven.user_id,
            subject=proven.email,
            request=request,
        )


async def _replace(
    connection: Connection, user: UserRow, password_hash: str, *, but: UUID | None = None
) -> list[UUID]:
    await queries.set_password_hash(connection, user_id=user.id, password_hash=password_hash)
    return await sessions.end_all_sessions(connection, user.id, but=but)


async def _tell(
    connection: Connection, user: UserRow, event: audit.Event, request: Request
) -> None:
    await audit.record(connection, event, actor=user.id, subject=user.email, request=request)
    await queue_mail(connection, user.email, Template.PASSWORD_CHANGED, {}, owner=user.id)


async def _mail_reset(pool: Pool, email: str, request: Request) -> None:
    async with pool.connection() as connection, connection.transaction():
        user = await _user_with(connection, email)
        if user is None or user.disabled_at:
            return
        await mail_reset(connection, user)
        await audit.record(
            *(connection, audit.Event.PASSWORD_RESET_ASKED),
            actor=None,
            subject=user.email,
            request=request,
        )


async def _mail_verification(pool: Pool, email: str) -> None:
    async with pool.connection() as connection, connection.transaction():
        user = await _user_with(connection, email)
        if user and not user.disabled_at and not user.email_verified_at:
            await mail_verification(connection, user)


async def _user_with(connection: Connection, email: str) -> UserRow | None:
    try:
        return await queries.user_by_email(connection, normalised_email(email))
    except ValueError:
        return None
