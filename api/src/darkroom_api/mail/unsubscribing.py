"""The links by which a mail is unsubscribed from, without signing in: they name a user, signed."""

import base64
import binascii
import hmac
from typing import Final
from uuid import UUID

_PURPOSE: Final = b"darkroom: unsubscribe from mail"
_SIGNATURE_BYTES: Final = 16
_ID_BYTES: Final = 16


class Links:
    """Makes and reads them, by a key that is derived from the settings'."""

    def __init__(self, key: str, base_url: str) -> None:
        self._key = hmac.digest(key.encode(), _PURPOSE, "sha256")
        self._base_url = base_url.rstrip("/")

    def url_of(self, owner: UUID) -> str:
        """Return where this user's mails are unsubscribed from."""
        token = owner.bytes + self._signature(owner)
        return f"{self._base_url}/v1/unsubscribe/{base64.urlsafe_b64encode(token).decode()}"

    def owner_of(self, token: str) -> UUID | None:
        """Return whose link this is the end of; None if nobody's."""
        try:
            read = base64.b64decode(token, b"-_", validate=True)
        except (ValueError, binascii.Error):
            return None
        if len(read) != _ID_BYTES + _SIGNATURE_BYTES:
            return None
        owner = UUID(bytes=read[:_ID_BYTES])
        return owner if hmac.compare_digest(read[_ID_BYTES:], self._signature(owner)) else None

    def _signature(self, owner: UUID) -> bytes:
        return hmac.digest(self._key, owner.bytes, "sha256")[:_SIGNATURE_BYTES]
