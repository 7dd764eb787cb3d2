"""Access tokens: short-lived JWTs (RFC 9068, RFC 8725), signed with Ed25519."""

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt

from darkroom_api.auth.ended_sessions import EndedSessions
from darkroom_api.auth.identity import SCOPES_OF, Identity, Role
from darkroom_api.auth.signing_keys import ALGORITHM, SigningKeys
from darkroom_api.errors import UnauthorizedError

ISSUER: Final = "darkroom"
AUDIENCE: Final = "darkroom-api"
_TYPE: Final = "at+jwt"
_CLAIMS: Final = ("iss", "aud", "sub", "iat", "exp", "jti", "sid", "role")
_MOST_KEPT: Final = 10_000


class Tokens:
    """Makes and reads access tokens."""

    def __init__(self, keys: SigningKeys, ended: EndedSessions, *, seconds: int) -> None:
        self._keys = keys
        self._ended = ended
        self.seconds = seconds
        # A signature is checked once: that takes as long as all else that is done with a request.
        self._read: dict[str, Identity] = {}

    def made_for(self, identity: Identity) -> str:
        """Return a token that is good from now on."""
        kid, key = self._keys.signing()
        issued = datetime.now(UTC)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(identity.user_id),
            "client_id": ISSUER,
            "sid": str(identity.session_id),
            "role": identity.role.value,
            "iat": issued,
            "exp": issued + timedelta(seconds=self.seconds),
            "jti": uuid.uuid4().hex,
        }
        return jwt.encode(claims, key, ALGORITHM, headers={"typ": _TYPE, "kid": kid})

    def read(self, token: str) -> Identity:
        """Return whom the token was made for, or raise UnauthorizedError."""
        identity = self._read.get(token)
        if identity is None:
            identity = self._verified(token)
            if len(self._read) >= _MOST_KEPT:
                self._read.clear()
            self._read[token] = identity
        if identity.expires_at and identity.expires_at.timestamp() <= time.time():
            del self._read[token]
            raise UnauthorizedError("the access token has expired: get a new one")
        if identity.session_id in self._ended:
            raise UnauthorizedError("you have signed out: sign in again")
        return identity

    def _verified(self, token: str) -> Identity:
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.public(str(header.get("kid")))
            # A token that was signed with the same key for another purpose is none.
            if key is None or str(header.get("typ")).lower() != _TYPE:
                raise UnauthorizedError("the access token is not valid")
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": list(_CLAIMS)},
            )
            role = Role(claims["role"])
            return Identity(
                user_id=uuid.UUID(claims["sub"]),
                role=role,
                scopes=SCOPES_OF[role],
                session_id=uuid.UUID(claims["sid"]),
                expires_at=datetime.fromtimestamp(claims["exp"], UTC),
            )
        except jwt.ExpiredSignatureError:
            raise UnauthorizedError("the access token has expired: get a new one") from None
        except (jwt.InvalidTokenError, ValueError, OverflowError):
            raise UnauthorizedError("the access token is not valid") from None
