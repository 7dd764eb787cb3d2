"""What is refused or said before a route is looked for: addresses, headers, other sites."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import psycopg
import pytest
from darkroom_api.app import create_app
from darkroom_api.limits.settings import LimitSettings
from darkroom_api.settings import Settings
from darkroom_api.testing import FakeCluster
from pydantic import ValidationError
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

PROXY = "127.0.0.1"
CLIENT = "203.0.113.7"


@asynccontextmanager
async def behind_uvicorn(
    settings: Settings, cluster: FakeCluster, peer: str = PROXY
) -> AsyncIterator[httpx2.AsyncClient]:
    """The application, as uvicorn hands requests to it: through its middleware for proxies."""
    app = create_app(settings, open_cluster=cluster.opened)
    async with app.router.lifespan_context(app) as state:

        async def with_state(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "state": dict(state or {})}, receive, send)

        proxied: Any = ProxyHeadersMiddleware(with_state, trusted_hosts=settings.trusted_proxies)
        transport = httpx2.ASGITransport(proxied, client=(peer, 1234))
        async with httpx2.AsyncClient(transport=transport, base_url="http://d.test") as client:
            yield client


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted"),
    [
        # Nobody who comes by themselves is believed.
        (CLIENT, [], CLIENT),
        (CLIENT, ["198.51.100.1"], CLIENT),
        (CLIENT, ["127.0.0.1"], CLIENT),
        # A proxy adds at the end; what stands before it, its client has made up.
        (PROXY, [CLIENT], CLIENT),
        (PROXY, [f"198.51.100.1, {CLIENT}"], CLIENT),
        (PROXY, ["198.51.100.1", CLIENT], CLIENT),
        (PROXY, [f"127.0.0.1, {CLIENT}"], CLIENT),
        (PROXY, [f"198.51.100.1, {CLIENT}, 10.1.2.3"], CLIENT),
        ("10.1.2.3", [CLIENT], CLIENT),
        ("11.1.2.3", [CLIENT], "11.1.2.3"),
        (PROXY, ["2001:db8::1, 2001:db8:a:b:c::1"], "2001:db8:a:b::/64"),
    ],
)
async def test_requests_are_counted_by_the_address_that_a_trusted_proxy_saw(
    settings: Settings,
    cluster: FakeCluster,
    db: psycopg.Connection,
    peer: str,
    forwarded: list[str],
    counted: str,
) -> None:
    changed = settings.model_copy(
        update={
            "limits": LimitSettings(patience_ms=10_000),
            "trusted_proxies": "127.0.0.1,10.0.0.0/8",
        }
    )
    async with behind_uvicorn(changed, cluster, peer) as client:
        headers = [("X-Forwarded-For", value) for value in forwarded]
        await client.get("/v1/auth/nothing", headers=headers)
    found = db.execute("SELECT key FROM rate_buckets WHERE key LIKE 'auth:%'").fetchall()
    assert found == [(f"auth:{counted}",)]


async def test_a_spoofed_address_does_not_help_to_guess_passwords(
    settings: Settings, cluster: FakeCluster
) -> None:
    changed = settings.model_copy(update={"limits": LimitSettings(patience_ms=10_000)})
    async with behind_uvicorn(changed, cluster, CLIENT) as client:
        statuses = [
            (
                await client.post(
                    "/v1/auth/nothing", headers={"X-Forwarded-For": f"198.51.100.{number}"}
                )
            ).status_code
            for number in range(6)
        ]
    assert 429 in statuses


@pytest.fixture
async def client(settings: Settings, cluster: FakeCluster) -> AsyncIterator[httpx2.AsyncClient]:
    changed = settings.model_copy(update={"cors_origins": "https://app.example.com"})
    async with behind_uvicorn(changed, cluster) as client:
        yield client


async def test_every_answer_has_the_headers_that_keep_browsers_from_harm(
    client: httpx2.AsyncClient,
) -> None:
    for path in ("/v1/tasks", "/nowhere", "/livez"):
        headers = (await client.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Request-Id"]
        assert "server" not in headers
        assert "Strict-Transport-Security" not in headers


async def test_behind_an_encrypting_proxy_browsers_are_told_to_stay_encrypted(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.get("/livez", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_a_site_that_the_settings_name_may_call_and_others_may_not(
    client: httpx2.AsyncClient,
) -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, idempotency-key",
    }
    allowed = await client.options(
        "/v1/tasks", headers={"Origin": "https://app.example.com", **asked}
    )
    assert allowed.status_code == 200
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert "Access-Control-Allow-Credentials" not in allowed.headers
    for origin in ("https://evil.example.com", "https://app.example.com.evil.com", "null"):
        refused = await client.options("/v1/tasks", headers={"Origin": origin, **asked})
        assert "Access-Control-Allow-Origin" not in refused.headers
        answer = await client.get("/v1/tasks", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_site_may_read_problems_too(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/tasks", headers={"Origin": "https://app.example.com"})
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert "RateLimit" in answer.headers["Access-Control-Expose-Headers"]


async def test_without_the_setting_no_site_may_call(
    settings: Settings, cluster: FakeCluster
) -> None:
    async with behind_uvicorn(settings, cluster) as client:
        answer = await client.get("/v1/tasks", headers={"Origin": "https://app.example.com"})
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("origins", ["app.example.com", "https://app.example.com/", "null", "x"])
def test_what_is_no_origin_is_refused_at_the_start(settings: Settings, origins: str) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({**settings.model_dump(), "cors_origins": origins})


async def test_endless_headers_and_urls_are_refused(client: httpx2.AsyncClient) -> None:
    many = [(f"X-Number-{number}", "x") for number in range(101)]
    for answer in (
        await client.get("/livez", headers=many),
        await client.get("/livez", headers={"X-Long": "x" * 40_000}),
        await client.get("/livez?" + "x" * 9000),
        await client.get("/" + "x" * 9000),
    ):
        assert answer.status_code == 431
        assert answer.json()["code"] == "headers_too_large"
        assert answer.json()["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("sent", "is_taken_over"), [("order-42", True), ("x" * 129, False), ("a b", False)]
)
async def test_a_harmless_request_id_is_taken_over(
    client: httpx2.AsyncClient, sent: str, *, is_taken_over: bool
) -> None:
    answer = await client.get("/livez", headers={"X-Request-Id": sent})
    assert (answer.headers["X-Request-Id"] == sent) is is_taken_over
