"""Many clients of server-sent events in one process, as cheap as they can be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

_AT_ONCE: Final = 50


class OpenStream:
    """One open stream; it counts what comes, and keeps nothing else."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def until(self, text: str) -> int:
        """Read until this text has come; return how many events had come by then."""
        events = 0
        wanted = text.encode()
        while line := await self._reader.readline():
            events += line.startswith(b"event: ")
            if wanted in line:
                return events
        raise ConnectionError("the stream has ended")

    async def close(self) -> None:
        """Leave."""
        self._writer.close()


@asynccontextmanager
async def open_streams(
    url: str, token: str, number: int, path: str = "/v1/events"
) -> AsyncIterator[list[OpenStream]]:
    """Open so many streams, and wait until each is ready."""
    gate = asyncio.Semaphore(_AT_ONCE)
    parts = urlsplit(url)

    async def open_one() -> OpenStream:
        async with gate:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            head = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}"
            writer.write(f"{head}\r\n\r\n".encode())
            stream = OpenStream(reader, writer)
            stack.push_async_callback(stream.close)
            await stream.until("event: stream.ready")
            return stream

    async with AsyncExitStack() as stack:
        yield await asyncio.gather(*(open_one() for _ in range(number)))
