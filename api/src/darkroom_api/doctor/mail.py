"""SMTP: whether the server answers, speaks TLS as it should, and lets us in. Nothing is sent."""

import ssl
from typing import Final

import aiosmtplib

from darkroom_api.doctor.finding import Finding, failed, ok, sentence, skipped, warning
from darkroom_api.mail.settings import MailSettings

_CHECK: Final = "mail"
_SECONDS: Final = 10


async def check_mail(settings: MailSettings) -> Finding:
    """Sign in to the SMTP server and leave again."""
    if settings.preview:
        return warning(
            _CHECK,
            "mail is kept for admins to look at, and not sent",
            "set DARKROOM_MAIL__PREVIEW=false to send it",
        )
    if settings.host is None:
        return skipped(_CHECK, "no SMTP server is set (DARKROOM_MAIL__HOST): no mail is sent")
    where = f"{settings.host}:{settings.port}"
    try:
        await _sign_in(settings, settings.host)
    except aiosmtplib.SMTPAuthenticationError as error:
        return failed(
            _CHECK,
            f"{where} refused the user {settings.username}: {sentence(error)}",
            "correct DARKROOM_MAIL__USERNAME and DARKROOM_MAIL__PASSWORD",
        )
    except ssl.SSLError as error:
        return failed(
            _CHECK,
            f"{where}: {sentence(error)}",
            "correct DARKROOM_MAIL__SECURITY (465 is usually tls, 587 starttls), or name the "
            "certificates that sign the server's in DARKROOM_MAIL__CA_FILE",
        )
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        return failed(
            _CHECK,
            f"{where}: {sentence(error)}",
            "let this pod reach the server and port (NetworkPolicy, firewall), and see that "
            "DARKROOM_MAIL__SECURITY is what it speaks",
        )
    return ok(_CHECK, f"{where} lets us in ({settings.security})")


async def _sign_in(settings: MailSettings, host: str) -> None:
    context = (
        None if settings.security == "none" else ssl.create_default_context(cafile=settings.ca_file)
    )
    smtp = aiosmtplib.SMTP(
        hostname=host,
        port=settings.port,
        use_tls=settings.security == "tls",
        start_tls=settings.security == "starttls",
        tls_context=context,
        username=settings.username,
        password=settings.password.get_secret_value() if settings.password else None,
        timeout=min(_SECONDS, settings.timeout_seconds),
    )
    async with smtp:
        await smtp.noop()
