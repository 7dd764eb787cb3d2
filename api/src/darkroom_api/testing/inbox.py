"""What an SMTP server of a test hands its mails to (a handler of aiosmtpd)."""

import email
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from typing import Any


@dataclass
class Inbox:
    """What the server got, and how it answers."""

    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    connections: set[object] = field(default_factory=set)
    is_tls: list[bool] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)

    async def handle_RCPT(self, *given: Any) -> str:  # noqa: ANN401, N802  # aiosmtpd's
        """Refuse whom the test refuses."""
        _, _, envelope, address, _ = given
        if refusal := self.refusals.get(address):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, *given: Any) -> str:  # noqa: ANN401, N802  # aiosmtpd's
        """Keep the mail."""
        server, session, envelope = given
        self.mails.append(email.message_from_bytes(envelope.content, policy=default))
        self.recipients += envelope.rcpt_tos
        self.is_tls.append(server.transport.get_extra_info("ssl_object") is not None)
        self.connections.add(session.peer)
        return "250 OK"
