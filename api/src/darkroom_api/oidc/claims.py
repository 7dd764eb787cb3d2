"""Reads the tokens of an OpenID provider (RFC 8725, RFC 9068, OpenID Connect Core 3.1.3.7)."""

import hmac
from typing import Any, Final

import jwt

from darkroom_api.errors import UnauthorizedError
from darkroom_api.oidc.provider import Provider

_LEEWAY_SECONDS: Final = 30
_LONGEST: Final = 16_384
# Providers older than RFC 9068 write JWT, or nothing.
_ACCESS_TYPES: Final = frozenset({"at+jwt", "application/at+jwt", "jwt", ""})
_REQUIRED: Final = ("iss", "aud", "sub", "exp", "iat")


def issuer_of(token: str) -> str | None:
    """Return whose token it claims to be, which nobody has checked; None: it is no JWT."""
    if len(token) > _LONGEST or token.count(".") != 2:  # noqa: PLR2004  # header.claims.signature
        return None
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return None
    issuer = claims.get("iss")
    return issuer if isinstance(issuer, str) else None


async def access_claims(
    token: str, provider: Provider, *, issuer: str, audience: str, algorithms: tuple[str, ...]
) -> dict[str, Any]:
    """Return what an access token says, or raise UnauthorizedError."""
    header = _header(token)
    if str(header.get("typ", "")).lower() not in _ACCESS_TYPES:
        raise UnauthorizedError("this is not an access token")
    return await _checked(
        token, header, provider, issuer=issuer, audience=audience, algorithms=algorithms
    )


async def id_claims(  # noqa: PLR0913  # what it is checked against
    token: str,
    provider: Provider,
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    algorithms: tuple[str, ...],
) -> dict[str, Any]:
    """Return what the ID token of a login says, or raise UnauthorizedError."""
    claims = await _checked(
        token, _header(token), provider, issuer=issuer, audience=client_id, algorithms=algorithms
    )
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise UnauthorizedError("the ID token is of another login")
    is_for_others_too = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if is_for_others_too else client_id) != client_id:
        raise UnauthorizedError("the ID token was made for another client")
    return claims


def _header(token: str) -> dict[str, Any]:
    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        raise UnauthorizedError("the token is not valid") from None
    return header


async def _checked(  # noqa: PLR0913  # what it is checked against
    token: str,
    header: dict[str, Any],
    provider: Provider,
    *,
    issuer: str,
    audience: str,
    algorithms: tuple[str, ...],
) -> dict[str, Any]:
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in algorithms:
        raise UnauthorizedError("the token is signed in a way that is not allowed here")
    if not isinstance(kid, str) or "crit" in header:
        raise UnauthorizedError("the token does not name its key")
    key = await provider.key(kid, algorithm)
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=audience,
            issuer=issuer,
            leeway=_LEEWAY_SECONDS,
            options={"require": list(_REQUIRED)},
        )
    except jwt.ExpiredSignatureError:
        raise UnauthorizedError("the token has expired: get a new one") from None
    except jwt.InvalidAudienceError:
        raise UnauthorizedError("the token is not for this API") from None
    except jwt.InvalidTokenError:
        raise UnauthorizedError("the token is not valid") from None
    if not isinstance(claims["sub"], str) or not claims["sub"] or "\0" in claims["sub"]:
        raise UnauthorizedError("the token does not say whom it is for")
    return claims
