"""Takes bytes in as they come: hashed and written by the way, and looked at as soon as can be."""

import hashlib
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID, uuid4

import anyio
from anyio.to_thread import run_sync
from darkroom_core.storage import Incoming, StorageError

from darkroom_api.database import AWAY, Pool
from darkroom_api.errors import TooLargeError, UploadBusyError
from darkroom_api.uploads import queries
from darkroom_api.uploads.door import HEAD
from darkroom_api.uploads.queries import UploadRow

LEASE_SECONDS: Final = 30.0
"""Who writes says so again before; who is silent for so long has lost its client."""

_CHUNK: Final = 1024 * 1024
_BEAT_SECONDS: Final = 10.0


@dataclass
class Taken:
    """What has come in by one request."""

    incoming: Incoming
    limit: int
    on_head: Callable[[bytes], None] | None = None
    """Looks at the file's head once, as early as can be, and raises to refuse it."""
    on_beat: Callable[[], Awaitable[None]] | None = None
    """Called now and then while bytes come."""
    sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _head: bytearray = field(default_factory=bytearray)
    _gathered: bytearray = field(default_factory=bytearray)

    async def all_of(self, stream: AsyncIterable[bytes]) -> None:
        """Take the whole stream. When it breaks, what came before is written all the same."""
        beat = time.monotonic() + _BEAT_SECONDS
        try:
            async for chunk in stream:
                if self.incoming.size + len(self._gathered) + len(chunk) > self.limit:
                    raise TooLargeError(f"the file may have {self.limit:,} bytes at most")
                self._gathered += chunk
                if self.on_head and len(self._head) < HEAD:
                    self._head += chunk[: HEAD - len(self._head)]
                    if len(self._head) == HEAD:
                        self._look()
                if len(self._gathered) >= _CHUNK:
                    await self._write()
                if self.on_beat and time.monotonic() > beat:
                    beat = time.monotonic() + _BEAT_SECONDS
                    await self.on_beat()
        finally:
            with anyio.CancelScope(shield=True):
                await self._write()
        if len(self._head) < HEAD:
            self._look()

    def _look(self) -> None:
        if self.on_head:
            self.on_head(bytes(self._head))

    async def _write(self) -> None:
        if self._gathered:
            data, self._gathered = bytes(self._gathered), bytearray()
            await run_sync(self._write_now, data)

    def _write_now(self, data: bytes) -> None:
        self.sha256.update(data)
        self.incoming.write(data)


@dataclass(frozen=True)
class Lease:
    """The right to write an upload."""

    pool: Pool
    row: UploadRow
    token: UUID

    async def park(self, incoming: Incoming) -> None:
        """Keep what has come, and the right to write, or raise UploadBusyError."""
        parked = await run_sync(incoming.park)
        async with self.pool.connection() as connection:
            if not await queries.park(
                connection, self.row.id, self.token, received=incoming.size, parked=parked
            ):
                raise UploadBusyError("another request has gone on with this upload")

    async def extend(self) -> None:
        """Keep the right to write alone."""
        async with self.pool.connection() as connection:
            if not await queries.lease(connection, self.row.id, self.token, seconds=LEASE_SECONDS):
                raise UploadBusyError("another request has gone on with this upload")


@asynccontextmanager
async def leased(
    pool: Pool, upload_id: str, *, seconds: float = LEASE_SECONDS
) -> AsyncIterator[Lease]:
    """Be the only one who writes this upload, or raise UploadBusyError."""
    token = uuid4()
    async with pool.connection() as connection:
        row = await queries.lease(connection, upload_id, token, seconds=seconds)
    if row is None:
        raise UploadBusyError("another request is writing this upload: wait for it")
    try:
        yield Lease(pool, row, token)
    finally:
        with anyio.CancelScope(shield=True), suppress(*AWAY):
            async with pool.connection() as connection:
                await queries.release(connection, upload_id, token)


async def discard(incoming: Incoming) -> None:
    """Throw away what came, also where the request was cut off."""
    with anyio.CancelScope(shield=True), suppress(StorageError):
        await run_sync(incoming.discard)
