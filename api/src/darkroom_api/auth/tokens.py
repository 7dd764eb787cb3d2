"""Access tokens: short-lived JWTs (RFC 9068), signed with HS256."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Final

import jwt

from darkroom_api.auth.identity import SCOPES_OF, Identity, Role
from darkroom_api.errors import UnauthorizedError

ISSUER: Final = "darkroom"
AUDIENCE: Final = "darkroom-api"
_ALGORITHM: Final = "HS256"
_TYPE: Final = "at+jwt"
_CLAIMS: Final = ("iss", "aud", "sub", "iat", "exp", "role")


class Tokens:
    """Makes and reads access tokens."""

    def __init__(self, key: str, *, seconds: int) -> None:
        self._key = key
        self.seconds = seconds

    def made_for(self, identity: Identity, *, now: datetime | None = None) -> str:
        """Return a token that is good from now on."""
        issued = now or datetime.now(UTC)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(identity.user_id),
            "role": identity.role.value,
            "iat": issued,
            "exp": issued + timedelta(seconds=self.seconds),
            "jti": uuid.uuid4().hex,
        }
        return jwt.encode(claims, self._key, _ALGORITHM, headers={"typ": _TYPE})

    def read(self, token: str) -> Identity:
        """Return whom the token was made for, or raise UnauthorizedError."""
        try:
            decoded = jwt.decode_complete(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": list(_CLAIMS)},
            )
            # A token that was signed with the same key for another purpose is none.
            if str(decoded["header"].get("typ")).lower() != _TYPE:
                raise UnauthorizedError("this is not an access token")
            claims = decoded["payload"]
            role = Role(claims["role"])
            return Identity(uuid.UUID(claims["sub"]), role, SCOPES_OF[role])
        except jwt.ExpiredSignatureError:
            raise UnauthorizedError("the access token has expired: get a new one") from None
        except (jwt.InvalidTokenError, ValueError):
            raise UnauthorizedError("the access token is not valid") from None
