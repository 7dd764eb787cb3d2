"""What an API key looks like: `dk_`, its id, and its secret. Nothing here does IO."""

import hashlib
import re
import secrets
import uuid
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "dk_"
_KEY: Final = re.compile(r"dk_([0-9a-f]{32})_([A-Za-z0-9_-]{43})")
_SECRET_BYTES: Final = 32


@dataclass(frozen=True)
class ApiKey:
    """A key as its owner has it."""

    id: uuid.UUID
    text: str

    @property
    def hash(self) -> bytes:
        """What is stored: the secret is random, so no slow hash is needed to keep it."""
        return hashlib.sha256(self.text.encode()).digest()


def new_key() -> ApiKey:
    """Make a key."""
    key_id = uuid.uuid4()
    return ApiKey(key_id, f"{PREFIX}{key_id.hex}_{secrets.token_urlsafe(_SECRET_BYTES)}")


def parsed(text: str) -> ApiKey | None:
    """Return what has the form of a key; whether it is one, its hash says."""
    found = _KEY.fullmatch(text)
    return ApiKey(uuid.UUID(found[1]), text) if found else None
