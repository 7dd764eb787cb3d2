"""Keeps secrets in Postgres so that a dump of it alone does not give them away."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_PURPOSE: Final = b"darkroom: secrets of webhooks"


class BrokenSealError(Exception):
    """The secret was sealed by another key, or for another owner."""


class Seal:
    """Seals and opens by one key, which is derived: it does nothing else."""

    def __init__(self, key: str) -> None:
        derived = HKDF(SHA256(), _KEY_BYTES, salt=None, info=_PURPOSE).derive(key.encode())
        self._cipher = AESGCM(derived)

    def seal(self, secret: bytes, *, owner: str) -> bytes:
        """Return the secret, readable only by this key and only as this owner's."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, owner.encode())

    def open(self, sealed: bytes, *, owner: str) -> bytes:
        """Return the secret, or raise BrokenSealError."""
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, rest, owner.encode())
        except (InvalidTag, ValueError):
            raise BrokenSealError from None
