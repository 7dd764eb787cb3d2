"""Prefer: wait=n (RFC 7240): the answer is held back until there is something to tell."""

import asyncio
import re
from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import Header

from darkroom_api.auth.identity import Identity
from darkroom_api.resources import Resources
from darkroom_api.tasks.access import visible_task
from darkroom_api.tasks.queries import TaskRow

LONGEST_SECONDS: Final = 60

_WAIT: Final = re.compile(
    r'\s*wait\s*=\s*(?:"([0-9]{1,9})"|([0-9]{1,9}))\s*(?:;.*)?', re.IGNORECASE
)

PREFER: Final = "`wait=n`: hold the answer back for up to n seconds, 60 at most (RFC 7240)."
Prefer = Annotated[list[str] | None, Header(description=PREFER, examples=["wait=30"])]


def seconds_preferred(headers: Sequence[str] | None) -> int:
    """Return how long to wait, 0 for not at all: what is not understood is no preference."""
    for preference in ",".join(headers or ()).split(","):
        if found := _WAIT.fullmatch(preference):
            return min(int(found[1] or found[2]), LONGEST_SECONDS)
    return 0


def applied(seconds: int) -> dict[str, str]:
    """Return the header that says so."""
    return {"Preference-Applied": f"wait={seconds}"} if seconds else {}


async def until_final(
    resources: Resources, identity: Identity, row: TaskRow, seconds: float
) -> TaskRow:
    """Return the task once it has ended, or as it is when the time is over."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not row.is_final and (left := deadline - loop.time()) > 0:
        if not await resources.hub.until_changed(row.id, row.version, left):
            break
        row = await visible_task(resources.pool, identity, row.id)
    return row


async def until_changed(
    resources: Resources, identity: Identity, row: TaskRow, seconds: float
) -> TaskRow:
    """Return the task once it is another than this, or as it is when the time is over."""
    if row.is_final or not await resources.hub.until_changed(row.id, row.version, seconds):
        return row
    return await visible_task(resources.pool, identity, row.id)
