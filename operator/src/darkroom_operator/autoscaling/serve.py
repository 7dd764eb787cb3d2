"""Watches the pools' backlog and, where the settings say so, serves it to the cluster."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from darkroom_operator.autoscaling.backlog import Backlog, PoolName
from darkroom_operator.autoscaling.settings import AutoscalingSettings
from darkroom_operator.postgres import Postgres

_LOG: Final = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 60.0
_RETRY_SECONDS: Final = 5.0


@asynccontextmanager
async def served_meanwhile(
    settings: AutoscalingSettings,
    *,
    namespace: str,
    database_url: str,
    pools: Callable[[], Iterable[PoolName]],
) -> AsyncIterator[None]:
    """Serve, as `serve` does, for as long as the block lasts."""
    serving = asyncio.create_task(
        serve(settings, namespace=namespace, database_url=database_url, pools=pools)
    )
    try:
        yield
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def serve(
    settings: AutoscalingSettings,
    *,
    namespace: str,
    database_url: str,
    pools: Callable[[], Iterable[PoolName]],
) -> None:
    """Run until cancelled, in every replica, whether active or not.

    `namespace` is the operator's own, where the Service and the Secret are; `pools` returns the
    namespace and name of every pool that is known now. Nothing that goes wrong here ends it: it is
    told in the log and tried again, for tasks must go on.
    """
    # A connection of its own: the mirror's statements need not wait for this one, nor it for them.
    postgres = Postgres(database_url)
    backlog = Backlog(postgres, pools)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(backlog.run())
            if settings.embedded:
                group.create_task(_serve_to_the_cluster(settings, namespace, backlog))
    finally:
        await postgres.close()


async def _serve_to_the_cluster(
    settings: AutoscalingSettings, namespace: str, backlog: Backlog
) -> None:
    # Here and not above: these take their time, and most operators never need them.
    from darkroom_operator.autoscaling.front_proxy import read_front_proxy  # noqa: PLC0415
    from darkroom_operator.autoscaling.objects import open_objects  # noqa: PLC0415
    from darkroom_operator.autoscaling.server import MetricsServer  # noqa: PLC0415
    from darkroom_operator.autoscaling.serving import Serving  # noqa: PLC0415

    server = MetricsServer(backlog, settings.port)
    async with open_objects() as objects:
        serving = Serving(objects, settings, namespace, lambda: datetime.now(UTC))
        try:
            while True:
                wait = _LOOK_SECONDS
                try:
                    proxy = await read_front_proxy(objects)
                    await server.present(await serving.pair(), proxy)
                except Exception as error:  # noqa: BLE001  # whatever it is, tasks go on
                    _LOG.warning("external metrics cannot be served as they should: %s", error)
                    wait = _RETRY_SECONDS
                await asyncio.sleep(wait)
        finally:
            await server.close()
