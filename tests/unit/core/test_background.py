"""Work that runs beside other work ends when it is told to, also where a cancellation is lost."""

import asyncio

import pytest
from darkroom_core import background


async def test_work_ends_that_has_lost_a_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_AGAIN_SECONDS", 0.01)
    lost = 0

    async def deaf() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost += 1
                if lost == 3:
                    raise

    async with background.running(deaf()):
        await asyncio.sleep(0)
    assert lost == 3


async def test_what_work_raised_is_no_failure_of_its_end() -> None:
    async def broken() -> None:
        raise ValueError

    async with background.running(broken(), asyncio.sleep(60)):
        await asyncio.sleep(0)
