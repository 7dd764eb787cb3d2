"""The application on a port, in the test's own event loop, as `serve` runs it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from darkroom_api.serve import Server
from darkroom_api.settings import Settings


@asynccontextmanager
async def serving(app: FastAPI, settings: Settings) -> AsyncIterator[tuple[str, Server]]:
    """Serve, and shut down as SIGTERM does; who wants it sooner sets `should_exit`."""
    server = Server(app, settings.model_copy(update={"host": "127.0.0.1", "port": 0}))
    running = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if running.done():
                running.result()
                raise AssertionError("the server did not start")
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.should_exit = True
        await running
