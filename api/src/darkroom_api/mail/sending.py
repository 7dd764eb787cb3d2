"""Sends batches of mail by SMTP: one connection for many, no faster than the settings allow."""

import json
import logging
import random
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final

import aiosmtplib
from aiosmtplib import (
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
)
from jinja2 import TemplateError

from darkroom_api.database import Pool
from darkroom_api.deliveries import queries
from darkroom_api.deliveries.queries import Claim
from darkroom_api.deliveries.schedule import hold_seconds, retry_seconds
from darkroom_api.mail import queries as mails
from darkroom_api.mail.message import ASKED_FOR, message_of
from darkroom_api.mail.outbox import LANE, Template
from darkroom_api.mail.rendering import render
from darkroom_api.mail.settings import MailSettings
from darkroom_api.mail.unsubscribing import Links

_log = logging.getLogger(__name__)

LEASE_SECONDS: Final = 180.0
# What is begun after this would not end within the lease.
_BEGIN_SECONDS: Final = 60.0
_PERMANENT: Final = 500
_AWAY: Final = (aiosmtplib.SMTPException, OSError, TimeoutError)


@dataclass(frozen=True)
class Mailer:
    """What sending mail takes."""

    pool: Pool
    settings: MailSettings
    links: Links

    async def claim(self) -> list[Claim]:
        """Claim a batch, and leave the others waiting for as long as it uses up their share."""
        async with self.pool.connection() as connection, connection.transaction():
            if not await queries.open_lane(connection, LANE):
                return []
            claims = await queries.claim_mail(
                connection, limit=self.settings.batch, lease_seconds=LEASE_SECONDS
            )
            if claims:
                holds = await queries.holds_of(connection, LANE)
                seconds = 60 * len(claims) / self.settings.per_minute
                await queries.hold_lane(connection, LANE, seconds=seconds, holds=holds)
        return claims

    async def send(self, claims: list[Claim]) -> Counter[str]:
        """Send a batch, and return how many ended how."""
        if self.settings.preview:
            async with self.pool.connection() as connection:
                await mails.note_previewed(connection, claims)
            return Counter(previewed=len(claims))
        if self.settings.host is None:
            return await self._refuse_all(claims, "no SMTP server is set: DARKROOM_MAIL__HOST")
        results: Counter[str] = Counter()
        left = list(claims)
        started = time.monotonic()
        try:
            async with self._connected(self.settings.host) as smtp:
                while left and time.monotonic() - started < _BEGIN_SECONDS:
                    results[await self._send_one(smtp, left[0])] += 1
                    left.pop(0)
        except _AWAY as error:
            _log.warning("mail cannot be sent: %s", error)
            await self._hold(left, str(error) or type(error).__name__)
            results["unavailable"] += 1
            return results
        async with self.pool.connection() as connection:
            await queries.hold_lane(connection, LANE, seconds=0, holds=0)
            if left:
                await queries.give_back(connection, left)
        return results

    @asynccontextmanager
    async def _connected(self, host: str) -> AsyncIterator[aiosmtplib.SMTP]:
        settings = self.settings
        password = settings.password.get_secret_value() if settings.password else None
        smtp = aiosmtplib.SMTP(
            hostname=host,
            port=settings.port,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            tls_context=None if settings.security == "none" else self._tls(),
            username=settings.username,
            password=password,
            timeout=settings.timeout_seconds,
        )
        async with smtp:
            yield smtp

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.settings.ca_file)

    async def _send_one(self, smtp: aiosmtplib.SMTP, claim: Claim) -> str:
        """Send one mail. What is raised is not about this mail, but about the server."""
        try:
            message = self._message(claim)
        except (TemplateError, ValueError, TypeError) as error:
            _log.exception("%s cannot be rendered", claim.id)
            return await self._refuse(claim, f"it cannot be rendered: {error}")
        try:
            await smtp.send_message(message)
        except SMTPRecipientsRefused as error:
            refusal = error.recipients[0]
            return await self._answer(claim, refusal.code, refusal.message)
        except SMTPNotSupported as error:
            return await self._refuse(claim, str(error))
        except SMTPResponseException as error:
            return await self._answer(claim, error.code, error.message)
        async with self.pool.connection() as connection:
            await mails.note_sent(connection, claim)
        return "sent"

    def _message(self, claim: Claim) -> EmailMessage:
        template = Template(claim.type)
        url = self.links.url_of(claim.owner) if claim.owner and template in ASKED_FOR else None
        rendered = render(template, {"unsubscribe_url": url, **json.loads(claim.body)})
        return message_of(claim, rendered, sender=self.settings.sender, unsubscribe_url=url)

    async def _answer(self, claim: Claim, code: int, message: str) -> str:
        error = f"{code} {message}"
        chance = random.random()  # noqa: S311  # jitter
        seconds = retry_seconds(claim.attempts, asked=None, chance=chance)
        if code >= _PERMANENT or seconds is None:
            return await self._refuse(claim, error)
        async with self.pool.connection() as connection:
            await queries.put_off(connection, claim, error, seconds=seconds)
        return "retried"

    async def _refuse(self, claim: Claim, error: str) -> str:
        async with self.pool.connection() as connection:
            await mails.note_refused(connection, claim, error)
        return "refused"

    async def _refuse_all(self, claims: list[Claim], error: str) -> Counter[str]:
        for claim in claims:
            await self._refuse(claim, error)
        return Counter(refused=len(claims))

    async def _hold(self, left: list[Claim], error: str) -> None:
        """Leave the server alone for a while; only the first of the mails has had its try."""
        async with self.pool.connection() as connection, connection.transaction():
            holds = await queries.holds_of(connection, LANE)
            seconds = hold_seconds(holds, asked=None)
            await queries.hold_lane(connection, LANE, seconds=seconds, holds=holds + 1)
            await queries.give_back(connection, left[1:])
            chance = random.random()  # noqa: S311  # jitter
            again = retry_seconds(left[0].attempts, asked=None, chance=chance)
            if again is None:
                await mails.note_refused(connection, left[0], error)
            else:
                await queries.put_off(connection, left[0], error, seconds=again)
