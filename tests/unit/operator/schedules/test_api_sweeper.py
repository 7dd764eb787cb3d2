from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from darkroom_core.schedule import Cleanup, Sweep
from darkroom_core.storage import StorageSettings
from darkroom_core.storage.signing import is_signed
from darkroom_operator.schedules.api_sweeper import ApiSweeper, open_sweeper
from darkroom_operator.schedules.sweep import SweepError

NOW = datetime(2026, 1, 1, 3, 17, tzinfo=UTC)


class Api:
    """An HTTP server on 127.0.0.1 that answers what the test scripted, in that order."""

    def __init__(self) -> None:
        self.now = NOW
        self.script: list[tuple[int, Any]] = []
        self.requests: list[web.Request] = []
        self.settings = StorageSettings.model_validate({"signing_key": "a key"})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.now += timedelta(minutes=20)
        status, body = self.script.pop(0)
        return web.json_response(body, status=status)

    def has_swept(self, objects: int, rows: int, *, more: bool) -> None:
        self.script.append((200, {"objects": objects, "rows": rows, "more": more}))


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    api = Api()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", api.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    api.settings = StorageSettings.model_validate(
        {"url": f"http://127.0.0.1:{runner.addresses[0][1]}", "signing_key": "a key"}
    )
    yield api
    await runner.cleanup()


@pytest.fixture
async def sweeper(api: Api) -> AsyncIterator[ApiSweeper]:
    async with open_sweeper(api.settings, lambda: api.now) as sweeper:
        yield sweeper


async def test_it_asks_until_nothing_is_left(api: Api, sweeper: ApiSweeper) -> None:
    api.has_swept(1000, 10, more=True)
    api.has_swept(5, 1, more=False)
    swept = await sweeper.sweep(Cleanup(outputs_after_seconds=3600, history_after_seconds=7200))
    assert swept == Sweep(finished_at=NOW + timedelta(minutes=40), objects=1005, rows=11)
    paths = [(request.method, request.path) for request in api.requests]
    assert paths == [("POST", "/v1/maintenance/sweep/3600/7200")] * 2


async def test_an_age_that_is_not_set_is_never(api: Api, sweeper: ApiSweeper) -> None:
    api.has_swept(0, 0, more=False)
    await sweeper.sweep(Cleanup(outputs_after_seconds=None, history_after_seconds=None))
    assert api.requests[0].path == "/v1/maintenance/sweep/never/never"


async def test_each_request_is_signed_for_ten_minutes(api: Api, sweeper: ApiSweeper) -> None:
    api.has_swept(0, 0, more=True)
    api.has_swept(0, 0, more=False)
    await sweeper.sweep(Cleanup(outputs_after_seconds=60))
    for minutes, request in zip((0, 20), api.requests, strict=True):
        expires = int(request.query["expires"])
        assert expires == int((NOW + timedelta(minutes=minutes + 10)).timestamp())
        assert is_signed(
            "POST",
            "/v1/maintenance/sweep/60/never",
            expires=expires,
            signature=request.query["signature"],
            key=b"a key",
            now=NOW,
        )


async def test_it_ends_after_an_hour_though_more_is_left(api: Api, sweeper: ApiSweeper) -> None:
    for _ in range(3):
        api.has_swept(1, 0, more=True)
    swept = await sweeper.sweep(Cleanup(outputs_after_seconds=60))
    assert swept.objects == 3


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((503, {}), "the API answered 503"),
        ((403, {"objects": 1, "rows": 0, "more": False}), "the API answered 403"),
        ((200, {"objects": 1}), "the API answered with something else"),
    ],
)
async def test_what_went_wrong_is_said(
    api: Api, sweeper: ApiSweeper, answer: tuple[int, Any], sentence: str
) -> None:
    api.script.append(answer)
    with pytest.raises(SweepError, match=sentence):
        await sweeper.sweep(Cleanup(outputs_after_seconds=60))


async def test_an_api_that_is_away_is_said_to_be() -> None:
    settings = StorageSettings.model_validate({"url": "http://127.0.0.1:9", "signing_key": "a key"})
    async with open_sweeper(settings, lambda: NOW) as sweeper:
        with pytest.raises(SweepError, match="the API did not answer"):
            await sweeper.sweep(Cleanup(outputs_after_seconds=60))
