"""From a claimed mail to a message as SMTP takes it."""

from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from typing import Final

from darkroom_api.deliveries.queries import Claim
from darkroom_api.mail.outbox import Template
from darkroom_api.mail.rendering import Rendered

ASKED_FOR: Final = (Template.TASK_FINISHED, Template.DIGEST)
"""Mails that somebody chose to get, and may choose not to."""


def message_of(
    claim: Claim, rendered: Rendered, *, sender: str, unsubscribe_url: str | None
) -> EmailMessage:
    """Return the message. Sent twice, it has the same Message-ID: programs for mail show one."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = claim.recipient or ""
    message["Subject"] = rendered.subject
    message["Date"] = formatdate(claim.created_at.timestamp())
    message["Message-ID"] = f"<{claim.id}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    if unsubscribe_url:
        message["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    return message
