"""Puts mail into the outbox, in the transaction of what it is about; the worker sends it."""

import json
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import uuid_utils

from darkroom_api.database import Connection

LANE: Final = "mail"
"""All mail goes to one server, whoever reads it."""


class Template(StrEnum):
    """What a mail is about, which its texts are named for."""

    RESET_PASSWORD = "reset_password"  # noqa: S105  # a template's name
    """Values: token, minutes, and url if there is a page for it."""
    VERIFY_EMAIL = "verify_email"
    """Values: token, minutes, and url if there is a page for it."""
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  # a template's name
    """Values: none."""
    TASK_FINISHED = "task_finished"
    """Values: task, which is a task as REST shows it."""
    DIGEST = "digest"
    """Values: since, until, counts by status, failed (the newest tasks that failed)."""
    WEBHOOK_DISABLED = "webhook_disabled"
    """Values: endpoint, url, because, days."""


async def queue_mail(
    connection: Connection,
    to: str,
    template: Template,
    values: dict[str, Any],
    *,
    owner: UUID | None = None,
) -> None:
    """Have a mail sent, at least once, if the caller's transaction is committed."""
    mail_id = f"mail-{uuid_utils.uuid7().hex}"
    await connection.execute(
        """
        INSERT INTO deliveries (id, kind, lane, channel, owner, recipient, type, body)
        VALUES (%s, 'mail', %s, %s, %s, %s, %s, %s)
        """,
        [mail_id, LANE, mail_id, owner, to, template, json.dumps(values)],
    )
