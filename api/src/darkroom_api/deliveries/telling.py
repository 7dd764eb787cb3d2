"""Opens what tells people, and runs it beside the requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from darkroom_core.tracing import Tracing

from darkroom_api.database import Pool
from darkroom_api.deliveries.worker import Teller
from darkroom_api.mail.sending import Mailer
from darkroom_api.mail.unsubscribing import Links
from darkroom_api.metrics import Metrics
from darkroom_api.settings import Settings
from darkroom_api.tasks.queries import TaskRow
from darkroom_api.tasks.views import view_of
from darkroom_api.webhooks.sealing import Seal
from darkroom_api.webhooks.sending import Sender
from darkroom_api.webhooks.wire import open_wire


@dataclass(frozen=True)
class Telling:
    """What requests use of it."""

    teller: Teller
    seal: Seal
    links: Links


@asynccontextmanager
async def open_telling(
    settings: Settings, pool: Pool, metrics: Metrics, tracing: Tracing | None
) -> AsyncIterator[Telling]:
    """Tell people until the end of the application."""
    key = settings.webhooks.encryption_key or settings.jwt_key
    base_url = settings.public_url or settings.storage.url
    seal = Seal(key.get_secret_value())
    links = Links(key.get_secret_value(), base_url)

    def shown(row: TaskRow) -> dict[str, Any]:
        return view_of(row, base_url, settings.retention).model_dump(mode="json")

    async with open_wire(settings.webhooks) as wire:
        teller = Teller(
            Sender(pool, wire, seal, settings.webhooks, tracing),
            Mailer(pool, settings.mail, links),
            metrics.deliveries,
            shown,
        )
        running = asyncio.create_task(teller.run())
        try:
            yield Telling(teller, seal, links)
        finally:
            teller.stop()
            await running
