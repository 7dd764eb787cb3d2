"""What the OpenID provider publishes: where its endpoints are, and its keys.

Keys are fetched again when they are old, and when a token names one that nobody knows: at most
every ten seconds, or whoever makes up names could have the API besiege the provider.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from jwt import PyJWK
from jwt.exceptions import PyJWTError
from pydantic import BaseModel, ConfigDict, ValidationError

from darkroom_api.errors import UnauthorizedError, UnavailableError

_log = logging.getLogger(__name__)

_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_AGAIN_SECONDS: Final = 10
_METADATA_SECONDS: Final = 3600
_LONGEST: Final = 1024 * 1024
_KINDS: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


class Metadata(BaseModel):
    """The provider's own description (OpenID Connect Discovery 1.0)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Provider:
    """One OpenID provider, over HTTP."""

    def __init__(
        self,
        http: httpx2.AsyncClient,
        issuer: str,
        *,
        keys_seconds: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._issuer = issuer
        self._keys_seconds = keys_seconds
        self._clock = clock
        self._lock = asyncio.Lock()
        self._metadata: Metadata | None = None
        self._metadata_at = -math.inf
        self._keys: dict[str, dict[str, Any]] = {}
        self._keys_at = -math.inf
        self._tried_at = -math.inf

    async def metadata(self) -> Metadata:
        """Return where its endpoints are, or raise UnavailableError."""
        if self._metadata and self._clock() - self._metadata_at < _METADATA_SECONDS:
            return self._metadata
        try:
            document = await self._document(self._issuer.rstrip("/") + _WELL_KNOWN)
            found = Metadata.model_validate(document)
        except (httpx2.HTTPError, ValueError, ValidationError) as error:
            if self._metadata:
                return self._metadata
            raise _away(error) from None
        if found.issuer != self._issuer:
            raise _away(ValueError(f"it calls itself {found.issuer}, and not {self._issuer}"))
        for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            if urlsplit(url).scheme != "https" and urlsplit(self._issuer).scheme == "https":
                raise _away(ValueError(f"{url} is not encrypted"))
        self._metadata, self._metadata_at = found, self._clock()
        return found

    async def key(self, kid: str, algorithm: str) -> PyJWK:
        """Return the key of this name, or raise UnauthorizedError."""
        document = await self._key_document(kid)
        if document is None:
            raise UnauthorizedError("the token is signed by a key that its provider does not have")
        if (
            document.get("kty") != _KINDS.get(algorithm[:2])
            or document.get("use", "sig") != "sig"
            or document.get("alg", algorithm) != algorithm
        ):
            raise UnauthorizedError("the token's key is not for its algorithm")
        try:
            return PyJWK(document, algorithm)
        except PyJWTError:
            raise UnauthorizedError("the token's key cannot be used") from None

    async def _key_document(self, kid: str) -> dict[str, Any] | None:
        if self._is_old() or kid not in self._keys:
            # Nobody with a key that is known has to wait for somebody with one that is not.
            if self._lock.locked() and kid in self._keys:
                return self._keys[kid]
            async with self._lock:
                if self._is_old() or kid not in self._keys:
                    await self._fetch_keys()
        return self._keys.get(kid)

    def _is_old(self) -> bool:
        return self._clock() - self._keys_at >= self._keys_seconds

    async def _fetch_keys(self) -> None:
        if self._clock() - self._tried_at < _AGAIN_SECONDS:
            if not self._keys:
                raise _away(ValueError("it did not a few seconds ago"))
            return
        self._tried_at = self._clock()
        try:
            metadata = await self.metadata()
            document = await self._document(metadata.jwks_uri)
            keys = {key["kid"]: key for key in document["keys"] if isinstance(key.get("kid"), str)}
        except (httpx2.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
            # The keys that are known go on, so that a provider may be down for a while.
            _log.warning("the OpenID provider's keys: %s", error)
            if not self._keys:
                raise _away(error) from None
            return
        except UnavailableError:
            if not self._keys:
                raise
            return
        self._keys, self._keys_at = keys, self._clock()

    async def _document(self, url: str) -> dict[str, Any]:
        async with self._http.stream("GET", url) as answer:
            answer.raise_for_status()
            body = bytearray()
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > _LONGEST:
                    raise ValueError(f"{url} does not end")
        document: dict[str, Any] = httpx2.Response(200, content=bytes(body)).json()
        if not isinstance(document, dict):
            raise ValueError(f"{url} is not a JSON object")  # noqa: TRY004  # what is caught
        return document


def _away(error: Exception) -> UnavailableError:
    _log.warning("the OpenID provider: %s", error)
    return UnavailableError("the OpenID provider does not answer as it should")
