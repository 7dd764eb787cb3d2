"""A login at the provider: authorization code with PKCE, state and nonce (RFC 9700).

What a login needs to remember is in Postgres, so that any replica can finish it, and is used once.
A cookie ties it to the browser that began it: nobody can be signed in as somebody else by a link.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx2

from darkroom_api.database import Pool
from darkroom_api.errors import OidcLoginError, UnauthorizedError
from darkroom_api.oidc import queries
from darkroom_api.oidc.claims import id_claims
from darkroom_api.oidc.provider import Metadata, Provider
from darkroom_api.oidc.settings import OidcSettings

SECONDS: Final = 600
"""How long a login may take."""


@dataclass(frozen=True)
class Begun:
    """Where the browser goes, and what it keeps."""

    url: str
    cookie: str


class Logins:
    """The logins at one provider."""

    def __init__(  # noqa: PLR0913  # what a login needs
        self,
        pool: Pool,
        http: httpx2.AsyncClient,
        provider: Provider,
        settings: OidcSettings,
        *,
        issuer: str,
        client_id: str,
    ) -> None:
        self._pool = pool
        self._http = http
        self._provider = provider
        self._settings = settings
        self._issuer = issuer
        self._client_id = client_id

    async def begin(self, redirect_uri: str) -> Begun:
        """Begin a login."""
        metadata = await self._provider.metadata()
        state, nonce, verifier, cookie = (secrets.token_urlsafe(32) for _ in range(4))
        async with self._pool.connection() as connection:
            await queries.insert_login(
                connection,
                state_hash=_hash(state),
                browser_hash=_hash(cookie),
                nonce=nonce,
                verifier=verifier,
                redirect_uri=redirect_uri,
                seconds=SECONDS,
            )
        challenge = base64.urlsafe_b64encode(_hash(verifier)).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": redirect_uri,
            "scope": self._settings.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        separator = "&" if "?" in metadata.authorization_endpoint else "?"
        return Begun(f"{metadata.authorization_endpoint}{separator}{urlencode(query)}", cookie)

    async def finish(
        self, *, state: str, code: str, cookie: str, issuer: str | None
    ) -> dict[str, Any]:
        """Return what the ID token says, or raise OidcLoginError."""
        # RFC 9207: an answer of another provider must not get this one's code.
        if issuer is not None and not hmac.compare_digest(issuer.encode(), self._issuer.encode()):
            raise OidcLoginError("this is the answer of another OpenID provider")
        async with self._pool.connection() as connection:
            login = await queries.take_login(
                connection, state_hash=_hash(state), browser_hash=_hash(cookie)
            )
        if login is None:
            raise OidcLoginError(
                "this browser has not begun this login, or too long ago, or has finished it: "
                "begin again at /v1/auth/oidc/login"
            )
        metadata = await self._provider.metadata()
        token = await self._id_token(metadata, code, login)
        try:
            return await id_claims(
                token,
                self._provider,
                issuer=self._issuer,
                client_id=self._client_id,
                nonce=login.nonce,
                algorithms=self._settings.allowed_algorithms,
            )
        except UnauthorizedError as error:
            raise OidcLoginError(f"the OpenID provider's ID token: {error.detail}") from None

    async def _id_token(self, metadata: Metadata, code: str, login: queries.Login) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": login.redirect_uri,
            "code_verifier": login.verifier,
        }
        auth = httpx2.Auth()
        secret = self._settings.client_secret
        if secret is None:
            form["client_id"] = self._client_id
        elif "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            # RFC 6749, 2.3.1: both are encoded as in a form.
            auth = httpx2.BasicAuth(
                quote(self._client_id, safe=""), quote(secret.get_secret_value(), safe="")
            )
        else:
            form |= {"client_id": self._client_id, "client_secret": secret.get_secret_value()}
        try:
            answer = await self._http.post(
                metadata.token_endpoint,
                data=form,
                auth=auth,
                headers={"Accept": "application/json"},
            )
            token = answer.json().get("id_token") if answer.is_success else None
        except (httpx2.HTTPError, ValueError, AttributeError):
            raise OidcLoginError("the OpenID provider does not give tokens: try again") from None
        if not isinstance(token, str):
            raise OidcLoginError("the OpenID provider does not take this code: begin again")
        return token


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
