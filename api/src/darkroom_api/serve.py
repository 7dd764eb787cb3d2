"""Runs the API: one process, one event loop."""

import signal

import uvicorn

from darkroom_api.app import create_app
from darkroom_api.logs import log_as_json
from darkroom_api.settings import read_settings


def serve() -> int:
    """Serve until SIGTERM, then let requests finish."""
    settings = read_settings()
    log_as_json()
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(settings),
            host=settings.host,
            port=settings.port,
            # Darkroom writes its own access log, and one format for all.
            access_log=False,
            log_config=None,
            server_header=False,
            forwarded_allow_ips=settings.trusted_proxies,
            timeout_graceful_shutdown=settings.shutdown_seconds,
            # Longer than the idle time of usual proxies, so that they close first.
            timeout_keep_alive=75,
        )
    )
    # Once it has shut down, uvicorn raises the signal again: what was asked for is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    server.run()
    return 0 if server.started else 1
