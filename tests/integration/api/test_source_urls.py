"""URLs as sources: those that name an address inside are refused before there is a task."""

from typing import Any

import pytest
from darkroom_api.testing import User

OUTPUTS: list[dict[str, Any]] = [{"name": "a", "format": "webp"}]


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return environment | {"DARKROOM_ALLOWED_SOURCE_NETWORKS": '["10.7.0.0/16"]'}


@pytest.mark.parametrize(
    "host",
    [
        *("10.0.0.1", "127.0.0.1", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "0"),
        *("169.254.169.254", "100.64.0.1", "192.168.0.1:8080", "127.0.0.1.", "user@10.0.0.1"),
        *("[::1]", "[::ffff:10.0.0.1]", "[64:ff9b::7f00:1]", "[fe80::1%25eth0]", "[fd00::1]"),
        *("[::1", "[nothing]"),
    ],
)
async def test_an_address_inside_is_refused_at_once(ada: User, host: str) -> None:
    body = {"source": {"url": f"http://{host}/a.jpg"}, "outputs": OUTPUTS}
    answer = await ada.post("/v1/tasks", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text
    assert answer.json()["errors"][0]["pointer"] == "#/source/url"
    batch = await ada.post("/v1/batches", json={"tasks": [{**body}, {**body}]})
    assert batch.json()["errors"][0]["pointer"] == "#/tasks/0/source/url"
    assert (await ada.get("/v1/tasks")).json()["data"] == []


@pytest.mark.parametrize(
    "host", ["example.com", "1.1.1.1", "[2606:4700::1]", "10.7.1.2", "1.1", "a.1", "localhost"]
)
async def test_public_addresses_allowed_networks_and_names_are_taken(ada: User, host: str) -> None:
    body = {"source": {"url": f"https://{host}/a.jpg"}, "outputs": OUTPUTS}
    assert (await ada.post("/v1/tasks", json=body)).status_code == 202


async def test_pictures_that_are_laid_over_come_from_outside_too(ada: User) -> None:
    overlay = {"overlay": {"source": {"url": "http://10.0.0.1/logo.png"}}}
    outputs = [{**OUTPUTS[0], "operations": [overlay]}]
    body = {"source": {"url": "https://example.com/a.jpg"}, "outputs": outputs}
    answer = await ada.post("/v1/tasks", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"].startswith("#/outputs/0/operations/0/overlay")
