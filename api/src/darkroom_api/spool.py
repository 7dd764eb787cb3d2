"""Takes in a body of any length: a little in memory, the rest in a temporary file."""

import io
import tempfile
from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Final, Self, cast

from anyio.to_thread import run_sync

from darkroom_api.errors import TooLargeError, UnavailableError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CHUNK: Final = 1024 * 1024
"""So much is gathered before it is written, in bytes; what is shorter never touches the disk."""


class SpoolRoom:
    """The bytes of disk that all bodies share while they are taken in."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken = 0

    @contextmanager
    def taken(self, size: int) -> Iterator[None]:
        """Set room aside for a body, or raise UnavailableError. One alone always finds room."""
        if self._taken and self._taken + size > self._size:
            raise UnavailableError("many files are coming in at once: send this one again")
        self._taken += size
        try:
            yield
        finally:
            self._taken -= size


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

    def part(self, start: int, size: int) -> BinaryIO:
        """Return some of the bytes as a file of their own, once all are there; one at a time."""
        return cast("BinaryIO", _Part(self.finished(), start, size))


class _Part(io.RawIOBase):
    """A stretch of another file."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence] + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        self._file.seek(self._start + self._at)
        data = self._file.read(min(len(view), max(0, self._size - self._at)))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
