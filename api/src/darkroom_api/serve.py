"""Runs the API: one process, one event loop."""

import gc
import resource
import signal
import socket
from contextlib import suppress
from typing import Final

import uvicorn
from darkroom_core.logs import log_as
from fastapi import FastAPI

from darkroom_api.app import create_app
from darkroom_api.settings import Settings, read_settings

_STREAM_SECONDS: Final = 5
_PING_SECONDS: Final = 15
# Clients of WebSockets say who they are, and no more.
_LONGEST_MESSAGE: Final = 64 * 1024


class Server(uvicorn.Server):
    """Ends streams with a word to their clients, before it closes what they came by."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        self._app = app
        # Both are done within the time that there is.
        self._stream_seconds = min(_STREAM_SECONDS, settings.shutdown_seconds // 2)
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                # Darkroom writes its own access log, and one format for all.
                access_log=False,
                log_config=None,
                server_header=False,
                forwarded_allow_ips=settings.trusted_proxies,
                timeout_graceful_shutdown=settings.shutdown_seconds - self._stream_seconds,
                # Longer than the idle time of usual proxies, so that they close first.
                timeout_keep_alive=75,
                ws_max_size=_LONGEST_MESSAGE,
                ws_ping_interval=_PING_SECONDS,
                ws_ping_timeout=_PING_SECONDS,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and let the garbage collector pass over all that stays anyway."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let streams end, then finish requests."""
        hub = getattr(self._app.state, "hub", None)
        if hub:
            await hub.close(self._stream_seconds)
        await super().shutdown(sockets)


def serve() -> int:
    """Serve until SIGTERM, then let requests finish."""
    settings = read_settings()
    log_as(settings.log)
    _allow_many_files()
    server = Server(create_app(settings), settings)
    # Once it has shut down, uvicorn raises the signal again: what was asked for is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    server.run()
    return 0 if server.started else 1


def _allow_many_files() -> None:
    """Take as many open files as are allowed: each stream is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
