"""The keys that sign access tokens: made here, kept in Postgres, changed from time to time.

A new key is published before it signs, and an old one stays as long as something that it has signed
may be good, so that a change refuses nobody, whichever replica is asked.
"""

import asyncio
import hashlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import uuid_utils
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from jwt.algorithms import OKPAlgorithm
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from darkroom_api.database import AWAY, Connection, Pool
from darkroom_api.errors import UnavailableError

_log = logging.getLogger(__name__)

ALGORITHM: Final = "EdDSA"
_PUBLISHED_FIRST: Final = timedelta(seconds=60)
_LOOK_SECONDS: Final = 20.0
_LOCK: Final = 0x6B657973  # "keys"
_NONCE: Final = 12


@dataclass(frozen=True)
class _Row:
    kid: str
    sealed: bytes
    public_jwk: dict[str, Any]
    created_at: datetime
    now: datetime


@dataclass(frozen=True)
class _Known:
    signing: tuple[str, Ed25519PrivateKey]
    public: Mapping[str, Ed25519PublicKey]
    jwks: list[dict[str, Any]]


class SigningKeys:
    """The keys as this replica knows them; `run` keeps them up to date."""

    def __init__(self, pool: Pool, secret: str, *, lifetime: timedelta, tokens: timedelta) -> None:
        """Take the settings' key, how long a key signs, and how long what it signs is good."""
        self._pool = pool
        self._cipher = AESGCM(hashlib.sha256(b"signing-keys\0" + secret.encode()).digest())
        self._lifetime = lifetime
        self._kept = tokens + 2 * _PUBLISHED_FIRST
        self._known: _Known | None = None

    @property
    def jwks(self) -> list[dict[str, Any]]:
        """The public keys, as RFC 7517 has them."""
        return self._now().jwks

    def signing(self) -> tuple[str, Ed25519PrivateKey]:
        """Return the ID and the key to sign with."""
        return self._now().signing

    def public(self, kid: str) -> Ed25519PublicKey | None:
        """Return the key with this ID."""
        return self._now().public.get(kid)

    def _now(self) -> _Known:
        if self._known is None:
            raise UnavailableError("the keys of access tokens are not read yet")
        return self._known

    async def run(self) -> None:
        """Look for new keys, and make one where it is time, for ever."""
        while True:
            try:
                await self.look()
            except AWAY as error:
                _log.warning("the keys of access tokens cannot be read: %s", str(error).strip())
                await asyncio.sleep(1)
            else:
                await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Read the keys; make one where there is none that may sign for long enough."""
        async with self._pool.connection() as connection, connection.transaction():
            rows = await _rows(connection)
            if not self._usable(rows) or rows[0].created_at + self._lifetime < rows[0].now:
                # Of several replicas one makes it; those that waited find it.
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
                rows = await _rows(connection)
                if not self._usable(rows) or rows[0].created_at + self._lifetime < rows[0].now:
                    await self._make(connection)
                    await _forget(connection, self._kept)
                    rows = await _rows(connection)
        self._known = self._read(rows)

    def _usable(self, rows: list[_Row]) -> list[tuple[_Row, Ed25519PrivateKey]]:
        return [(row, key) for row in rows if (key := self._opened(row)) is not None]

    def _read(self, rows: list[_Row]) -> _Known:
        usable = self._usable(rows)
        published = [
            (row, key) for row, key in usable if row.created_at + _PUBLISHED_FIRST <= row.now
        ]
        # The very first one has nobody to be published to.
        row, key = published[0] if published else usable[-1]
        return _Known(
            signing=(row.kid, key),
            public={row.kid: key.public_key() for row, key in usable},
            jwks=[row.public_jwk for row, _ in usable],
        )

    def _opened(self, row: _Row) -> Ed25519PrivateKey | None:
        """Open a key; one that was sealed with another key of the settings is none any more."""
        try:
            raw = self._cipher.decrypt(row.sealed[:_NONCE], row.sealed[_NONCE:], row.kid.encode())
        except InvalidTag:
            return None
        return Ed25519PrivateKey.from_private_bytes(raw)

    async def _make(self, connection: Connection) -> None:
        key, kid, nonce = Ed25519PrivateKey.generate(), uuid_utils.uuid7().hex, os.urandom(_NONCE)
        sealed = nonce + self._cipher.encrypt(nonce, key.private_bytes_raw(), kid.encode())
        jwk = json.loads(OKPAlgorithm.to_jwk(key.public_key()))
        jwk |= {"kid": kid, "use": "sig", "alg": ALGORITHM}
        await connection.execute(
            "INSERT INTO signing_keys (kid, sealed, public_jwk) VALUES (%s, %s, %s)",
            [kid, sealed, Jsonb(jwk)],
        )
        _log.info("access tokens are signed with a new key: %s", kid)


async def _rows(connection: Connection) -> list[_Row]:
    cursor = connection.cursor(row_factory=class_row(_Row))
    await cursor.execute(
        "SELECT kid, sealed, public_jwk, created_at, clock_timestamp() AS now FROM signing_keys"
        " ORDER BY created_at DESC, kid DESC"
    )
    return await cursor.fetchall()


async def _forget(connection: Connection, kept: timedelta) -> None:
    """Delete keys that others have followed so long ago that nothing they signed is still good."""
    await connection.execute(
        """
        DELETE FROM signing_keys AS old WHERE EXISTS (
            SELECT FROM signing_keys AS newer
            WHERE newer.created_at > old.created_at AND newer.created_at < now() - %s
        )
        """,
        [kept],
    )


def refresh_key(secret: str) -> bytes:
    """Return the key of refresh tokens that follows from the settings' key."""
    return hashlib.sha256(b"refresh-tokens\0" + secret.encode()).digest()
