"""The retention sweep: the API does it, a batch at each request, for it alone holds the storage."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from darkroom_core.schedule import Cleanup, Sweep
from darkroom_core.storage import StorageSettings
from darkroom_core.storage.signing import SWEEP_PATH, signed_url
from pydantic import BaseModel, ConfigDict, ValidationError

from darkroom_operator.schedules.sweep import SweepError

_TIMEOUT: Final = aiohttp.ClientTimeout(total=120)
_VALIDITY: Final = timedelta(minutes=10)
_LONGEST: Final = timedelta(hours=1)


class _Batch(BaseModel):
    """What one request did."""

    model_config = ConfigDict(frozen=True)

    objects: int
    rows: int
    more: bool


@asynccontextmanager
async def open_sweeper(
    settings: StorageSettings, clock: Callable[[], datetime]
) -> "AsyncIterator[ApiSweeper]":
    """Return what asks the API that the settings name."""
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        yield ApiSweeper(session, settings, clock)


class ApiSweeper:
    """Asks the API by signed URLs, as processors do."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        settings: StorageSettings,
        clock: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._settings = settings
        self._clock = clock

    async def sweep(self, cleanup: Cleanup) -> Sweep:
        """Ask for one batch after the other."""
        until = self._clock() + _LONGEST
        objects = rows = 0
        while True:
            batch = await self._batch(cleanup)
            objects, rows = objects + batch.objects, rows + batch.rows
            if not batch.more or self._clock() >= until:
                return Sweep(finished_at=self._clock(), objects=objects, rows=rows)

    async def _batch(self, cleanup: Cleanup) -> _Batch:
        try:
            async with self._session.post(self._url(cleanup)) as response:
                body: Any = await response.read()
                if response.status != HTTPStatus.OK:
                    raise SweepError(f"the API answered {response.status}")
                return _Batch.model_validate_json(body)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SweepError("the API did not answer") from error
        except ValidationError as error:
            raise SweepError("the API answered with something else") from error

    def _url(self, cleanup: Cleanup) -> str:
        outputs, history = _age(cleanup.outputs_after_seconds), _age(cleanup.history_after_seconds)
        return signed_url(
            self._settings.url,
            "POST",
            f"{SWEEP_PATH}{outputs}/{history}",
            expires=self._clock() + _VALIDITY,
            key=self._settings.signing_key_bytes,
        )


def _age(seconds: int | None) -> str:
    return "never" if seconds is None else str(seconds)
