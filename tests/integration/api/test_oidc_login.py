"""Logins at an OpenID provider, which is a real one on 127.0.0.1; the test is the browser."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import psycopg
import pytest
from darkroom_api.app import create_app
from darkroom_api.oidc.settings import OidcSettings
from darkroom_api.settings import Settings
from darkroom_api.testing import FakeCluster, client_of, register
from darkroom_api.testing.oidc_provider import AUDIENCE, CLIENT, SECRET, OidcProvider
from pydantic import SecretStr, ValidationError


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with OidcProvider().running() as provider:
        yield provider


def oidc_of(provider: OidcProvider, **more: Any) -> OidcSettings:
    return OidcSettings(
        issuer=provider.issuer,
        audience=AUDIENCE,
        client_id=CLIENT,
        client_secret=SecretStr(SECRET),
        **more,
    )


@pytest.fixture
async def client(
    settings: Settings, cluster: FakeCluster, provider: OidcProvider
) -> AsyncIterator[httpx2.AsyncClient]:
    changed = settings.model_copy(update={"oidc": oidc_of(provider)})
    async with client_of(create_app(changed, open_cluster=cluster.opened)) as client:
        yield client


async def begin(client: httpx2.AsyncClient) -> str:
    """Begin a login; return the callback's URL with which the provider answers."""
    begun = await client.get("/v1/auth/oidc/login")
    assert begun.status_code == 302, begun.text
    async with httpx2.AsyncClient() as browser:
        answer = await browser.get(begun.headers["location"])
    assert answer.status_code == 302
    return str(answer.headers["location"])


async def sign_in(client: httpx2.AsyncClient) -> httpx2.Response:
    return await client.get(await begin(client))


async def test_a_login_ends_with_a_session_of_darkrooms_own(client: httpx2.AsyncClient) -> None:
    answer = await sign_in(client)
    assert answer.status_code == 200, answer.text
    session = answer.json()
    assert answer.headers["Cache-Control"] == "no-store"
    headers = {"Authorization": f"Bearer {session['access_token']}"}
    me = (await client.get("/v1/me", headers=headers)).json()
    assert me["email"] == "ada@example.com"
    assert not client.cookies


async def test_the_browser_is_sent_with_pkce_state_and_nonce_of_its_own(
    client: httpx2.AsyncClient,
) -> None:
    urls = [(await client.get("/v1/auth/oidc/login")).headers["location"] for _ in range(2)]
    first, second = (parse_qs(urlsplit(url).query) for url in urls)
    assert first["code_challenge_method"] == ["S256"]
    assert first["redirect_uri"] == ["http://darkroom.test/v1/auth/oidc/callback"]
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]
        assert len(first[name][0]) >= 43


async def test_the_cookie_is_for_this_host_alone_and_not_for_scripts(
    client: httpx2.AsyncClient,
) -> None:
    begun = await client.get("https://darkroom.test/v1/auth/oidc/login")
    cookie = begun.headers["set-cookie"]
    assert cookie.startswith("__Host-darkroom-oidc=")
    for attribute in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert attribute in cookie


async def test_the_same_person_is_the_same_user_whatever_their_address_is_now(
    client: httpx2.AsyncClient, provider: OidcProvider, db: psycopg.Connection
) -> None:
    await sign_in(client)
    provider.person["email"] = "ada.lovelace@example.com"
    assert (await sign_in(client)).status_code == 200
    found = db.execute("SELECT email FROM users WHERE role = 'user'").fetchall()
    assert found == [("ada@example.com",)]


async def test_a_callback_is_good_once(client: httpx2.AsyncClient) -> None:
    callback = await begin(client)
    cookies = dict(client.cookies)
    assert (await client.get(callback)).status_code == 200
    client.cookies.update(cookies)
    again = await client.get(callback)
    assert again.status_code == 400
    assert again.json()["code"] == "oidc_login_failed"


async def test_nobody_is_signed_in_by_the_callback_of_somebody_else(
    client: httpx2.AsyncClient,
) -> None:
    attackers = await begin(client)
    client.cookies.clear()
    assert (await client.get(attackers)).status_code == 400
    await client.get("/v1/auth/oidc/login")
    assert (await client.get(attackers)).status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"azp": "another"},
        {"iss": "https://evil.example.com"},
        {"exp": 1},
    ],
    ids=str,
)
async def test_an_id_token_that_is_wrong_in_one_thing_is_refused(
    client: httpx2.AsyncClient, provider: OidcProvider, changes: dict[str, Any]
) -> None:
    provider.id_token_changes = changes
    answer = await sign_in(client)
    assert answer.status_code == 400, answer.text


async def test_a_code_that_the_provider_does_not_know_is_of_no_use(
    client: httpx2.AsyncClient,
) -> None:
    callback = await begin(client)
    forged = httpx2.URL(callback).copy_set_param("code", "forged")
    assert (await client.get(forged)).status_code == 400


async def test_the_answer_of_another_provider_is_not_taken(client: httpx2.AsyncClient) -> None:
    callback = await begin(client)
    mixed_up = httpx2.URL(callback).copy_set_param("iss", "https://evil.example.com")
    answer = await client.get(mixed_up)
    assert answer.status_code == 400
    assert "another" in answer.json()["detail"]


async def test_a_login_that_took_too_long_is_over(
    client: httpx2.AsyncClient, db: psycopg.Connection
) -> None:
    callback = await begin(client)
    db.execute("UPDATE oidc_logins SET expires_at = now()")
    assert (await client.get(callback)).status_code == 400


async def test_what_the_provider_refuses_is_said(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/auth/oidc/callback?error=access_denied&state=x")
    assert answer.status_code == 400
    assert "access_denied" in answer.json()["detail"]


async def test_a_user_who_has_verified_the_address_is_linked(
    client: httpx2.AsyncClient, db: psycopg.Connection
) -> None:
    await register(client, "ada@example.com")
    db.execute("UPDATE users SET email_verified_at = now() WHERE email = 'ada@example.com'")
    assert (await sign_in(client)).status_code == 200
    found = db.execute("SELECT count(*) FROM users WHERE role = 'user'").fetchone()
    assert found == (1,)
    logged = db.execute("SELECT details FROM audit_events WHERE type = 'oidc.linked'").fetchone()
    assert logged
    assert logged[0]["is_new_user"] is False


async def test_whoever_registered_the_address_before_its_owner_does_not_get_their_login(
    client: httpx2.AsyncClient, db: psycopg.Connection
) -> None:
    await register(client, "ada@example.com")
    db.execute("UPDATE users SET email_verified_at = NULL")
    answer = await sign_in(client)
    assert answer.status_code == 401
    assert "verify" in answer.json()["detail"]
    assert db.execute("SELECT count(*) FROM oidc_subjects").fetchone() == (0,)
    logged = db.execute("SELECT subject FROM audit_events WHERE type = 'oidc.refused'").fetchall()
    assert logged == [("ada-1",)]


async def test_an_address_that_the_provider_has_not_verified_links_nobody(
    client: httpx2.AsyncClient, provider: OidcProvider, db: psycopg.Connection
) -> None:
    await register(client, "ada@example.com")
    db.execute("UPDATE users SET email_verified_at = now()")
    provider.person["email_verified"] = False
    assert (await sign_in(client)).status_code == 401


@pytest.mark.parametrize("change", [{"create_users": False}, {"link_by_email": False}], ids=str)
async def test_settings_say_whether_newcomers_become_users_and_are_linked(
    settings: Settings,
    cluster: FakeCluster,
    provider: OidcProvider,
    db: psycopg.Connection,
    change: dict[str, bool],
) -> None:
    changed = settings.model_copy(update={"oidc": oidc_of(provider, **change)})
    async with client_of(create_app(changed, open_cluster=cluster.opened)) as client:
        if "link_by_email" in change:
            await register(client, "ada@example.com")
            db.execute("UPDATE users SET email_verified_at = now()")
        assert (await sign_in(client)).status_code == 401


async def test_without_a_provider_there_is_no_login(
    settings: Settings, cluster: FakeCluster
) -> None:
    async with client_of(create_app(settings, open_cluster=cluster.opened)) as client:
        assert (await client.get("/v1/auth/oidc/login")).status_code == 404
        assert (await client.get("/v1/auth/oidc/callback?code=x&state=y")).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "http://id.example.com"},
        {"issuer": "id.example.com"},
        {"issuer": "https://id.example.com?x"},
        {"algorithms": "HS256"},
        {"algorithms": "none"},
        {"algorithms": ""},
        {"audience": "a", "client_id": "a"},
    ],
    ids=str,
)
def test_settings_that_would_let_anybody_in_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        OidcSettings.model_validate(wrong)
