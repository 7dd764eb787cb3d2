"""Makes tasks: at a pace, or as fast as they are taken."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from cluster_api import Api, Kind
from sightings import Sightings

_AT_ONCE: Final = 32


async def create_paced(
    api: Api,
    kind: Kind,
    manifests: Sequence[dict[str, Any]],
    seen: Sightings,
    per_second: float,
) -> list[str]:
    """Create one after the other at this rate, each at its own time; return their UIDs.

    What is late does not hold up what follows, and the time that counts is when a request is sent.
    """
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        created = []
        for number, manifest in enumerate(manifests):
            await asyncio.sleep(began + number / per_second - time.monotonic())
            created.append(group.create_task(_create(api, kind, manifest, seen)))
    return [task.result() for task in created]


async def create_all(api: Api, kind: Kind, manifests: Iterable[dict[str, Any]]) -> list[str]:
    """Create all as fast as the API server takes them; return their UIDs."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def create(manifest: dict[str, Any]) -> str:
        async with room:
            uid: str = (await api.create(kind, manifest))["metadata"]["uid"]
            return uid

    return await asyncio.gather(*(create(manifest) for manifest in manifests))


async def _create(api: Api, kind: Kind, manifest: dict[str, Any], seen: Sightings) -> str:
    sent = time.monotonic()
    uid: str = (await api.create(kind, manifest))["metadata"]["uid"]
    seen.of("created").setdefault(uid, sent)
    return uid


@asynccontextmanager
async def background(*parts: Any) -> AsyncIterator[None]:  # noqa: ANN401  # coroutines
    """Run these beside what follows; if one of them fails, all of it does."""
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(part) for part in parts]
        yield
        for task in running:
            task.cancel()
