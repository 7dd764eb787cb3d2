"""Which URLs may be asked for as webhooks; where they lead is checked again by each connection."""

from ipaddress import ip_address
from typing import Annotated, Final
from urllib.parse import urlsplit

from darkroom_core.addresses import is_in, is_public
from pydantic import AfterValidator, Field

from darkroom_api.errors import InvalidError
from darkroom_api.problem import InvalidField
from darkroom_api.webhooks.settings import WebhookSettings

_LONGEST: Final = 2000


def _well_formed(url: str) -> str:
    # urlsplit drops some of these, and what is kept has to be what is called.
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("write the URL in ASCII, percent-encoded")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError("the URL has to begin with https://")
    if not parts.hostname:
        raise ValueError("the URL names no host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the URL may not contain a user or a password")
    if parts.fragment:
        raise ValueError("the URL may not have a fragment")
    if parts.port == 0:
        raise ValueError("the port may not be 0")
    return url


WebhookUrl = Annotated[
    str,
    Field(
        max_length=_LONGEST,
        description="Where to POST to.",
        examples=["https://example.com/darkroom"],
        json_schema_extra={"format": "uri"},
    ),
    AfterValidator(_well_formed),
]


def refusal(url: str, settings: WebhookSettings) -> str | None:
    """Return why this URL is never called, as far as it can be known without resolving names."""
    parts = urlsplit(url)
    if parts.scheme == "http" and not settings.allow_http:
        return "webhooks go to https:// URLs only"
    try:
        ip_address(parts.hostname or "")
    except ValueError:
        return None
    return address_refusal(parts.hostname or "", settings)


def address_refusal(address: str, settings: WebhookSettings) -> str | None:
    """Return why this address is never connected to."""
    if is_public(address) or is_in(address, settings.networks):
        return None
    return f"{address} is not on the public internet"


def check(url: str, settings: WebhookSettings) -> None:
    """Refuse a URL that would never be called, at the door."""
    if reason := refusal(url, settings):
        raise InvalidError(
            f"The webhook's URL is not allowed: {reason}.",
            errors=[InvalidField(pointer="#/url", detail=reason)],
        )
