"""How webhooks are signed: Standard Webhooks 1.0.0, HMAC-SHA256, secrets that begin with whsec_."""

import base64
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32


def new_secret() -> bytes:
    """Return a secret that nobody has."""
    return secrets.token_bytes(_SECRET_BYTES)


def as_shown(secret: bytes) -> str:
    """Return the secret as libraries for receivers take it."""
    return _PREFIX + base64.b64encode(secret).decode()


def headers_of(
    message_id: str, timestamp: int, body: bytes, keys: Sequence[bytes]
) -> dict[str, str]:
    """Return the three headers; while a secret is rotated, both the new and the old one sign."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(
            "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys
        ),
    }
