"""What every request gets, whatever the application does with it."""

import json
import logging
from http import HTTPStatus

import httpx2
import pytest
from darkroom_api.metrics import Metrics
from darkroom_api.middleware import Observed
from darkroom_core.logs import Formatter
from starlette.types import ASGIApp, Receive, Scope, Send


def client_of(app: ASGIApp, metrics: Metrics) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(Observed(app, metrics, None))
    return httpx2.AsyncClient(transport=transport, base_url="http://darkroom.test")


async def fine(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body"})


async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise ZeroDivisionError


async def broken_halfway(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise ZeroDivisionError


async def test_a_method_that_nobody_knows_makes_no_metric_of_its_own() -> None:
    metrics = Metrics()
    async with client_of(fine, metrics) as client:
        for method in ("GET", "PROPFIND", "XYZZY1", "XYZZY2"):
            await client.request(method, "/")
    methods = {
        sample.labels["method"]
        for metric in metrics.registry.collect()
        for sample in metric.samples
        if "method" in sample.labels
    }
    assert methods == {"GET", "other"}


async def test_a_defect_is_a_problem_with_the_id_under_which_the_log_has_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.handler.setFormatter(Formatter(is_json=True))
    metrics = Metrics()
    async with client_of(broken, metrics) as client:
        answer = await client.get("/", headers={"X-Request-Id": "the-id"})

    assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["code"], answer.json()["request_id"]) == ("internal", "the-id")
    assert answer.headers["x-request-id"] == "the-id"
    assert answer.headers["x-content-type-options"] == "nosniff"
    (logged,) = [record for record in caplog.records if record.exc_info]
    assert logged.levelno == logging.ERROR
    assert json.loads(caplog.text)["request"] == "the-id"
    labels = {"method": "GET", "route": "none", "status": "500"}
    assert metrics.registry.get_sample_value("darkroom_http_request_seconds_count", labels) == 1


async def test_a_defect_in_the_middle_of_an_answer_is_logged_and_cuts_it_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sent: list[str] = []

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        sent.append(message["type"])

    async def receive() -> dict[str, object]:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "GET", "path": "/", "scheme": "http", "headers": []}
    await Observed(broken_halfway, Metrics(), None)(scope, receive, send)

    assert sent == ["http.response.start"]
    assert [record.exc_info is not None for record in caplog.records].count(True) == 1
