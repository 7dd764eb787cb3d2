"""Opens what the OpenID provider of the settings needs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx2

from darkroom_api.database import Pool
from darkroom_api.oidc.authenticator import OidcTokens
from darkroom_api.oidc.login import Logins
from darkroom_api.oidc.provider import Provider
from darkroom_api.oidc.settings import OidcSettings

_SECONDS: Final = 5


@dataclass(frozen=True)
class Oidc:
    """What there is of it; nothing without an issuer."""

    tokens: tuple[OidcTokens, ...] = ()
    logins: Logins | None = None


@asynccontextmanager
async def open_oidc(pool: Pool, settings: OidcSettings) -> AsyncIterator[Oidc]:
    """Open a client of the provider; it is asked when the first token comes."""
    if settings.issuer is None:
        yield Oidc()
        return
    # Redirects are not followed: the provider is who the settings say.
    async with httpx2.AsyncClient(timeout=_SECONDS, trust_env=True) as http:
        provider = Provider(http, settings.issuer, keys_seconds=settings.keys_seconds)
        logins = None
        if settings.client_id:
            logins = Logins(
                *(pool, http, provider, settings),
                issuer=settings.issuer,
                client_id=settings.client_id,
            )
        yield Oidc((OidcTokens(pool, provider, settings),), logins)
