"""Whether this process still does its work; asked by the kubelet at /livez.

Not whether the API server or Postgres answer: a restart would not bring those back.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Final, Protocol

from aiohttp import web

from darkroom_operator.workqueue import WorkQueue

# Requests end after 30 s, watches tell something every minute.
_LONGEST_WORK: Final = 120.0
_LONGEST_SILENCE: Final = 180.0


class Watching(Protocol):
    """Something that hears from the API server again and again."""

    def silence(self) -> float:
        """Return the seconds since it last did anything."""


class StuckError(Exception):
    """A part of this process has stopped moving; only a restart helps."""


class Health:
    """What /livez looks at, once this operator is active."""

    def __init__(self, queues: Iterable[WorkQueue], informers: Iterable[Watching]) -> None:
        self._queues = list(queues)
        self._informers = list(informers)

    def check(self) -> str:
        """Return "ok", or raise StuckError."""
        if (seconds := max(queue.longest_work() for queue in self._queues)) > _LONGEST_WORK:
            raise StuckError(f"a reconciliation has been under way for {seconds:.0f} s")
        if (seconds := max(informer.silence() for informer in self._informers)) > _LONGEST_SILENCE:
            raise StuckError(f"a watch has been silent for {seconds:.0f} s")
        return "ok"


@asynccontextmanager
async def served(port: int, check: Callable[[], str]) -> AsyncIterator[None]:
    """Answer /livez on this port, standing by or active."""

    async def livez(_: web.Request) -> web.Response:
        try:
            return web.Response(text=check())
        except StuckError as error:
            return web.Response(text=str(error), status=500)

    app = web.Application()
    app.router.add_get("/livez", livez)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    try:
        yield
    finally:
        await runner.cleanup()
