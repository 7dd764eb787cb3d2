"""Work that goes on beside other work, and its end."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

_AGAIN_SECONDS: Final = 2.0


@asynccontextmanager
async def running(*work: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    """Let the work go on meanwhile, and end it."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        await ended(tasks)


async def ended(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancel the tasks until they are over; what they raise at the end is left with them.

    Once is not enough: `asyncio.wait_for`, by which psycopg waits, loses a cancellation that comes
    with its result (until Python 3.12, https://github.com/python/cpython/issues/86296).
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        over, left = await asyncio.wait(left, timeout=_AGAIN_SECONDS)
        for task in over:
            if not task.cancelled():
                task.exception()
