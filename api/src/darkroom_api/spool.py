"""Takes in a body of any length: a little in memory, the rest in a temporary file."""

import tempfile
from collections.abc import AsyncIterable
from types import TracebackType
from typing import BinaryIO, Final, Self, cast

from anyio.to_thread import run_sync

from darkroom_api.errors import TooLargeError

_CHUNK: Final = 1024 * 1024
"""So much is gathered before it is written, in bytes; what is shorter never touches the disk."""


class Spool:
    """A file of at most `limit` bytes that is gone once the block is left."""

    def __init__(self, limit: int) -> None:
        self.size = 0
        self._limit = limit
        self._pending = bytearray()
        # The file has no name, so nothing is left behind even by a kill.
        self._file = tempfile.SpooledTemporaryFile(max_size=_CHUNK)  # noqa: SIM115  # closed on exit

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, data: bytes) -> None:
        """Take some bytes, or raise TooLargeError. Call `settle` before too many have gathered."""
        self.size += len(data)
        if self.size > self._limit:
            raise TooLargeError(f"the file may have {self._limit:,} bytes at most")
        self._pending += data

    async def settle(self) -> None:
        """Write what has gathered, if it is enough to be worth a thread."""
        if len(self._pending) >= _CHUNK:
            await run_sync(self._file.write, self._pending)
            self._pending = bytearray()

    async def add_all(self, stream: AsyncIterable[bytes]) -> None:
        """Take everything."""
        async for chunk in stream:
            self.add(chunk)
            await self.settle()

    def finished(self) -> BinaryIO:
        """Return the file, to be read from its start."""
        self._file.write(self._pending)
        self._pending = bytearray()
        self._file.seek(0)
        return cast("BinaryIO", self._file)
