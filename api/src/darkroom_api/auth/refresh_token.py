"""Refresh tokens: which session, which generation of it, and a proof that they are ours.

The proof is an HMAC, so that nothing of a token is stored, and the successor of a token is always
the same: a client whose answer was lost gets it again.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from typing import Final
from uuid import UUID

PREFIX: Final = "dr_"
_FORMAT: Final = struct.Struct(">16sI")
_PROOF: Final = 32


@dataclass(frozen=True)
class RefreshToken:
    """What a refresh token says."""

    session_id: UUID
    generation: int


def written(token: RefreshToken, key: bytes) -> str:
    """Return the token as the client keeps it."""
    body = _FORMAT.pack(token.session_id.bytes, token.generation)
    return PREFIX + base64.urlsafe_b64encode(body + _proof(body, key)).decode().rstrip("=")


def read(text: str, key: bytes) -> RefreshToken | None:
    """Return what it says; None if it is none of ours."""
    if not text.startswith(PREFIX) or not text.isascii():
        return None
    encoded = text.removeprefix(PREFIX)
    try:
        data = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except (binascii.Error, ValueError):
        return None
    body, proof = data[: _FORMAT.size], data[_FORMAT.size :]
    if len(proof) != _PROOF or not hmac.compare_digest(proof, _proof(body, key)):
        return None
    session_id, generation = _FORMAT.unpack(body)
    return RefreshToken(UUID(bytes=session_id), generation)


def _proof(body: bytes, key: bytes) -> bytes:
    return hmac.new(key, b"refresh-token\0" + body, hashlib.sha256).digest()
