"""Mails that prove whose an address is."""

from darkroom_api.auth import one_time_tokens
from darkroom_api.auth.one_time_tokens import MINUTES, Purpose
from darkroom_api.auth.queries import UserRow
from darkroom_api.database import Connection
from darkroom_api.mail.outbox import Template, queue_mail


async def mail_verification(connection: Connection, user: UserRow) -> None:
    """Mail a token by which the user proves their address."""
    await _mail(connection, user, Purpose.VERIFY_EMAIL, Template.VERIFY_EMAIL)


async def mail_reset(connection: Connection, user: UserRow) -> None:
    """Mail a token by which the user sets a new password."""
    await _mail(connection, user, Purpose.RESET_PASSWORD, Template.RESET_PASSWORD)


async def _mail(
    connection: Connection, user: UserRow, purpose: Purpose, template: Template
) -> None:
    token = await one_time_tokens.issue(
        connection, user_id=user.id, email=user.email, purpose=purpose
    )
    if token is None:
        return
    values = {"token": token, "minutes": MINUTES[purpose]}
    await queue_mail(connection, user.email, template, values, owner=user.id)
