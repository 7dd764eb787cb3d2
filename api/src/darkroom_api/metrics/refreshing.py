"""Keeps true what has to be asked for: in the background, at one pace whoever scrapes."""

import asyncio
import logging
from typing import Final

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from darkroom_api.database import AWAY, Pool
from darkroom_api.metrics.application import Metrics
from darkroom_api.metrics.standing import StandingMetrics
from darkroom_api.metrics.volume import VolumeMetrics
from darkroom_api.settings import Settings
from darkroom_api.tasks import admission, queries

_log = logging.getLogger(__name__)

_EVERY_SECONDS: Final = 10.0
_PATIENCE_SECONDS: Final = 2.0


async def keep_fresh(metrics: Metrics, pool: Pool, settings: Settings) -> None:
    """Ask again and again, until cancelled."""
    metrics.standing.window_size.set(settings.admission_window)
    volume = metrics.watch_volume() if settings.storage.backend == "local" else None
    # A volume that hangs keeps this one thread, and none of those that serve requests.
    limiter = CapacityLimiter(1)
    while True:
        await refresh_standing(metrics.standing, pool, settings)
        if volume:
            await _refresh_volume(volume, settings, limiter)
        await asyncio.sleep(_EVERY_SECONDS)


async def refresh_standing(standing: StandingMetrics, pool: Pool, settings: Settings) -> None:
    """Ask Postgres, which is soon done or not at all."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), pool.connection() as connection:
            waiting, used = await admission.measure(
                connection, namespace=settings.namespace, window=settings.admission_window
            )
            letters = await queries.count_dead_letters(connection)
    except (*AWAY, TimeoutError):
        standing.unknown()
        return
    except Exception:  # noqa: BLE001  # logged; the loop is this process's edge
        _log.exception("the metrics of the admission window are not known")
        standing.unknown()
        return
    standing.tasks_waiting.set(waiting)
    standing.window_used.set(used)
    standing.dead_letters.set(letters)


async def _refresh_volume(
    volume: VolumeMetrics, settings: Settings, limiter: CapacityLimiter
) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await run_sync(
                volume.look, settings.storage.directory, abandon_on_cancel=True, limiter=limiter
            )
    except (OSError, TimeoutError) as error:
        _log.warning("the volume of storage is not measured: %s", error or "it does not answer")
        volume.unknown()
