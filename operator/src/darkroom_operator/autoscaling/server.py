"""The HTTPS server: one metric, for the front proxy."""

import logging
import ssl
import tempfile
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final

from aiohttp import web

from darkroom_operator.autoscaling import metric
from darkroom_operator.autoscaling.backlog import AwayError, Backlog
from darkroom_operator.autoscaling.certificate import Pair
from darkroom_operator.autoscaling.front_proxy import FrontProxy
from darkroom_operator.metrics.pools import EXTERNAL_REQUESTS

_LOG: Final = logging.getLogger(__name__)

_ROOT: Final = f"/apis/{metric.GROUP_VERSION}"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class MetricsServer:
    """Serves the backlog to whom the front proxy's certificate lets in."""

    def __init__(self, backlog: Backlog, port: int) -> None:
        self._backlog = backlog
        self._port = port
        self._presented: tuple[Pair, FrontProxy] | None = None
        self._site: web.TCPSite | None = None
        self._runner = web.AppRunner(self._app(), access_log=None)

    async def present(self, pair: Pair, proxy: FrontProxy) -> None:
        """Serve with this certificate, to this proxy; nothing happens where that is so already."""
        if (pair, proxy) == self._presented:
            return
        if self._runner.server is None:
            await self._runner.setup()
        # A context forgets no authority, so a new one gets a listener of its own beside the old.
        context = tls_context(pair, proxy)
        site = web.TCPSite(self._runner, port=self._port, ssl_context=context, reuse_port=True)
        await site.start()
        before, self._site = self._site, site
        self._presented = (pair, proxy)
        if before is not None:
            await before.stop()
        _LOG.info("external metrics are served on port %d", self._port)

    async def close(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        app.router.add_get(_ROOT, _discovery, allow_head=False)
        app.router.add_get(
            f"{_ROOT}/namespaces/{{namespace}}/{metric.METRIC}", self._values, allow_head=False
        )
        app.router.add_get("/openapi/v2", _openapi, allow_head=False)
        app.router.add_get("/healthz", _healthz, allow_head=False)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await self._guarded(request, handler)
        except web.HTTPException as error:
            # Only what the router raises gets here: an unknown path, or another method than GET.
            response = _failure(error.status, f"{request.method} {request.path}: {error.reason}")
        EXTERNAL_REQUESTS.labels(response.status).inc()
        return response

    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        certificate = request.get_extra_info("peercert")
        if self._presented is None or not self._presented[1].admits(certificate):
            return _failure(
                HTTPStatus.UNAUTHORIZED, "The client's certificate is not the front proxy's."
            )
        return await handler(request)

    async def _values(self, request: web.Request) -> web.StreamResponse:
        try:
            pool = metric.selected_pool(request.query.get("labelSelector", ""))
            backlogs, at = self._backlog.of(request.match_info["namespace"])
        except metric.SelectorError as error:
            return _failure(HTTPStatus.BAD_REQUEST, str(error))
        except AwayError as error:
            return _failure(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        return web.json_response(metric.values(metric.of_pools(backlogs, pool), at))


def tls_context(pair: Pair, proxy: FrontProxy) -> ssl.SSLContext:
    """Return a context that serves the pair and lets nobody in without the proxy's authority."""
    # Not the default context: from Python 3.13 on that is strict about the extensions of an
    # authority, and this one is as the cluster's installer made it.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=proxy.authority)
    # The ssl module reads a key from a file only.
    with tempfile.TemporaryDirectory() as directory:
        certificate, key = Path(directory, "tls.crt"), Path(directory, "tls.key")
        certificate.write_bytes(pair.certificate)
        key.touch(mode=0o600)
        key.write_bytes(pair.key)
        context.load_cert_chain(certificate, key)
    return context


async def _discovery(_: web.Request) -> web.StreamResponse:
    return web.json_response(metric.discovery())


async def _openapi(_: web.Request) -> web.StreamResponse:
    return web.json_response(metric.openapi())


async def _healthz(_: web.Request) -> web.StreamResponse:
    return web.Response(text="ok")


def _failure(code: int, message: str) -> web.Response:
    return web.json_response(metric.failure(code, message), status=code)
