"""Waiting for what somebody else does."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

_EVERY_SECONDS: Final = 0.1

Found = TypeVar("Found")


async def until(
    look: Callable[[], Awaitable[Found]],
    what: str,
    *,
    seconds: float = 60.0,
    every: float = _EVERY_SECONDS,
) -> Found:
    """Look until something is found, and return it."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                if found := await look():
                    return found
                await asyncio.sleep(every)
    except TimeoutError:
        msg = f"{what} did not happen in {seconds:.0f} s"
        raise TimeoutError(msg) from None
