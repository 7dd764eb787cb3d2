"""Sessions: refresh tokens that are good once, signing out, and what outlives what."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, LiteralString

import httpx2
import jwt
import psycopg
import pytest
from darkroom_api.app import create_app
from darkroom_api.auth.refresh_token import RefreshToken, read, written
from darkroom_api.auth.signing_keys import SigningKeys, refresh_key
from darkroom_api.auth.tokens import AUDIENCE, ISSUER
from darkroom_api.database import open_pool
from darkroom_api.settings import Settings
from darkroom_api.testing import FakeCluster, User, client_of, register, until

CREDENTIALS = {"email": "ada@example.com", "password": "a long enough password"}
KEY = refresh_key("j" * 32)


@pytest.fixture
async def tokens(client: httpx2.AsyncClient, ada: User) -> dict[str, Any]:  # noqa: ARG001
    """Those of a new session of hers."""
    return await signed_in(client)


@pytest.fixture
async def elsewhere(settings: Settings, cluster: FakeCluster) -> AsyncIterator[httpx2.AsyncClient]:
    """Another replica."""
    async with client_of(create_app(settings, open_cluster=cluster.opened)) as client:
        yield client


async def signed_in(client: httpx2.AsyncClient) -> dict[str, Any]:
    answer = await client.post("/v1/auth/token", json=CREDENTIALS)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


async def refresh(client: httpx2.AsyncClient, token: str) -> httpx2.Response:
    return await client.post("/v1/auth/refresh", json={"refresh_token": token})


async def status(client: httpx2.AsyncClient, tokens: dict[str, Any]) -> int:
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    return (await client.get("/v1/me", headers=headers)).status_code


async def test_a_refresh_token_gives_new_tokens(
    client: httpx2.AsyncClient, tokens: dict[str, Any]
) -> None:
    renewed = (await refresh(client, tokens["refresh_token"])).json()
    assert renewed["refresh_token"] != tokens["refresh_token"]
    assert await status(client, renewed) == 200
    assert (await refresh(client, renewed["refresh_token"])).status_code == 200


async def test_who_lost_the_answer_gets_the_same_successor_for_a_moment(
    client: httpx2.AsyncClient, elsewhere: httpx2.AsyncClient, tokens: dict[str, Any]
) -> None:
    answers = await asyncio.gather(
        *(refresh(each, tokens["refresh_token"]) for each in (client, elsewhere, client))
    )
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


async def test_an_old_refresh_token_ends_the_session(
    client: httpx2.AsyncClient, tokens: dict[str, Any], db: psycopg.Connection
) -> None:
    renewed = (await refresh(client, tokens["refresh_token"])).json()
    db.execute("UPDATE sessions SET rotated_at = rotated_at - interval '11 seconds'")

    again = await refresh(client, tokens["refresh_token"])

    assert (again.status_code, again.json()["code"]) == (401, "refresh_refused")
    assert (await refresh(client, renewed["refresh_token"])).status_code == 401
    assert await status(client, renewed) == 401
    events = db.execute("SELECT type FROM audit_events ORDER BY at").fetchall()
    assert ("session.refresh_reused",) in events


async def test_only_the_immediate_predecessor_has_grace(
    client: httpx2.AsyncClient, tokens: dict[str, Any]
) -> None:
    second = (await refresh(client, tokens["refresh_token"])).json()
    third = (await refresh(client, second["refresh_token"])).json()

    assert (await refresh(client, tokens["refresh_token"])).status_code == 401
    assert await status(client, third) == 401


async def test_a_refresh_token_of_the_future_is_none(
    client: httpx2.AsyncClient, tokens: dict[str, Any]
) -> None:
    token = read(tokens["refresh_token"], KEY)
    assert token
    forged = written(RefreshToken(token.session_id, 9), b"x" * 32)
    assert (await refresh(client, forged)).status_code == 401
    assert (await refresh(client, tokens["refresh_token"])).status_code == 200


@pytest.mark.parametrize("text", ["", "dr_", "nothing", "dr_é", "dr_" + "A" * 60, "\0"])
async def test_what_is_no_refresh_token_is_refused(client: httpx2.AsyncClient, text: str) -> None:
    assert (await refresh(client, text)).status_code == 401


async def test_a_session_that_ran_out_is_over(
    client: httpx2.AsyncClient, tokens: dict[str, Any], db: psycopg.Connection
) -> None:
    db.execute("UPDATE sessions SET expires_at = now() - interval '1 second'")
    assert (await refresh(client, tokens["refresh_token"])).status_code == 401


async def test_signing_out_ends_one_session_everywhere_and_no_other(
    client: httpx2.AsyncClient,
    elsewhere: httpx2.AsyncClient,
    tokens: dict[str, Any],
    ada: User,
) -> None:
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await client.post("/v1/auth/logout", headers=headers)).status_code == 204

    assert await status(client, tokens) == 401
    assert (await refresh(client, tokens["refresh_token"])).status_code == 401
    assert (await ada.get("/v1/me")).status_code == 200

    async def is_over() -> bool:
        return await status(elsewhere, tokens) == 401

    await until(is_over, 3)


async def test_signing_out_everywhere_ends_all(ada: User, tokens: dict[str, Any]) -> None:
    assert (await ada.post("/v1/auth/logout-everywhere")).status_code == 204
    assert await status(ada.http, tokens) == 401
    assert (await ada.get("/v1/me")).status_code == 401


async def test_sessions_are_listed_and_ended_one_by_one(ada: User, tokens: dict[str, Any]) -> None:
    listed = (await ada.get("/v1/me/sessions")).json()["data"]
    assert [session["current"] for session in listed] == [False, True]

    path = f"/v1/me/sessions/{listed[0]['id']}"
    assert (await ada.http.delete(path, headers=ada.headers)).status_code == 204
    assert await status(ada.http, tokens) == 401
    assert len((await ada.get("/v1/me/sessions")).json()["data"]) == 1
    assert (await ada.http.delete(path, headers=ada.headers)).status_code == 404


async def test_nobody_ends_the_session_of_somebody_else(ada: User, bob: User) -> None:
    session = (await ada.get("/v1/me/sessions")).json()["data"][0]["id"]
    refused = await bob.http.delete(f"/v1/me/sessions/{session}", headers=bob.headers)
    assert refused.status_code == 404
    assert (await ada.get("/v1/me")).status_code == 200


async def test_a_user_who_is_disabled_gets_no_new_tokens(
    client: httpx2.AsyncClient, tokens: dict[str, Any], db: psycopg.Connection
) -> None:
    db.execute("UPDATE users SET disabled_at = now() WHERE email = 'ada@example.com'")

    assert (await refresh(client, tokens["refresh_token"])).status_code == 401
    again = await client.post("/v1/auth/token", json=CREDENTIALS)
    assert (again.status_code, again.json()["code"]) == (403, "account_disabled")
    wrong = await client.post("/v1/auth/token", json=CREDENTIALS | {"password": "wrong"})
    assert wrong.json()["code"] == "wrong_credentials"


@pytest.mark.parametrize("change", ["password_hash = 'another'", "disabled_at = now()"])
async def test_no_session_begins_with_what_was_changed_meanwhile(
    client: httpx2.AsyncClient, ada: User, db: psycopg.Connection, change: LiteralString
) -> None:
    assert ada
    with db.transaction():
        # The password is looked up, and found to be right, before this is committed.
        db.execute(f"UPDATE users SET {change} WHERE email = 'ada@example.com'")  # noqa: S608
        db.execute("UPDATE sessions SET ended_at = now()")
        signing_in = asyncio.create_task(client.post("/v1/auth/token", json=CREDENTIALS))
        with psycopg.connect(db.info.dsn, password=db.info.password, autocommit=True) as other:
            await until(
                lambda: other.execute(
                    """
                    SELECT FROM pg_stat_activity
                    WHERE wait_event_type = 'Lock' AND query LIKE '%INSERT INTO sessions%'
                        AND datname = current_database()
                    """
                ).fetchall()
            )

    refused = await signing_in

    assert (refused.status_code, refused.json()["code"]) == (401, "wrong_credentials")
    live = db.execute("SELECT count(*) FROM sessions WHERE ended_at IS NULL").fetchone()
    assert live == (0,)


async def test_others_can_check_access_tokens_by_the_published_keys(
    client: httpx2.AsyncClient, tokens: dict[str, Any]
) -> None:
    keys = jwt.PyJWKSet.from_dict((await client.get("/.well-known/jwks.json")).json())
    token = tokens["access_token"]
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience=AUDIENCE, issuer=ISSUER)
    assert claims["role"] == "user"
    assert "d" not in (await client.get("/.well-known/jwks.json")).json()["keys"][0]


async def test_a_new_key_signs_once_it_is_known_and_the_old_one_still_reads(
    database_url: str, db: psycopg.Connection
) -> None:
    async with open_pool(database_url, connections=2) as pool:
        first, second = (
            SigningKeys(pool, "j" * 32, lifetime=timedelta(days=30), tokens=timedelta(minutes=15))
            for _ in range(2)
        )
        await asyncio.gather(first.look(), second.look())
        old = first.signing()[0]
        assert second.signing()[0] == old

        db.execute("UPDATE signing_keys SET created_at = now() - interval '31 days'")
        await asyncio.gather(first.look(), second.look())
        assert first.signing()[0] == second.signing()[0] == old
        assert len(first.jwks) == len(second.jwks) == 2

        db.execute(
            "UPDATE signing_keys SET created_at = created_at - interval '61 s' WHERE kid <> %s",
            [old],
        )
        await first.look()
        assert first.signing()[0] != old
        assert first.public(old)

        # It goes with the next change.
        db.execute("UPDATE signing_keys SET created_at = created_at - interval '31 days'")
        await first.look()
        assert first.public(old) is None
        assert len(first.jwks) == 2


async def test_keys_are_not_readable_without_the_key_of_the_settings(
    database_url: str,
    client: httpx2.AsyncClient,  # noqa: ARG001
) -> None:
    async with open_pool(database_url, connections=2) as pool:
        times = {"lifetime": timedelta(days=30), "tokens": timedelta(minutes=15)}
        ours, others = SigningKeys(pool, "j" * 32, **times), SigningKeys(pool, "x" * 32, **times)
        await ours.look()
        await others.look()
        assert others.signing()[0] != ours.signing()[0]


async def test_every_route_but_the_public_ones_wants_to_know_who_asks(
    client: httpx2.AsyncClient, settings: Settings, cluster: FakeCluster
) -> None:
    public = {
        "/v1/auth/register",
        "/v1/auth/token",
        "/v1/auth/refresh",
        "/v1/auth/password/forgot",
        "/v1/auth/password/reset",
        "/v1/auth/email/verification",
        "/v1/auth/email/verify",
        "/.well-known/jwks.json",
        "/problems/{code}",
        "/livez",
        "/readyz",
        "/metrics",
        "/v1/auth/oidc/login",
        "/v1/auth/oidc/callback",
    }
    by_signature = (
        *("/v1/objects/", "/v1/progress/", "/v1/maintenance/", "/v1/unsubscribe"),
        *("/v1/uploads/{upload_id}/content", "/v1/tasks/{task_id}/outputs"),
    )
    document = create_app(settings, open_cluster=cluster.opened).openapi()
    open_routes = []
    for path, operations in document["paths"].items():
        for method in operations:
            concrete = path
            for name in ("{", "}"):
                concrete = concrete.replace(name, "")
            answer = await client.request(method.upper(), concrete)
            if answer.status_code != 401 and path not in public and method != "options":
                open_routes.append((method, path, answer.status_code))
    left = [
        route
        for route in open_routes
        if not (route[1].startswith(by_signature) and route[2] in {403, 404, 422})
    ]
    assert left == []


async def test_routes_of_admins_are_closed_to_users(ada: User, settings: Settings) -> None:
    document = create_app(settings).openapi()
    paths = {path for path in document["paths"] if path.startswith("/v1/admin")}
    assert paths
    for path in paths:
        for method in document["paths"][path]:
            concrete = path.replace("{", "").replace("}", "")
            answer = await ada.http.request(method.upper(), concrete, headers=ada.headers)
            assert answer.status_code == 403, (method, path)


async def test_a_user_who_registers_is_in_the_audit_log(
    client: httpx2.AsyncClient, db: psycopg.Connection
) -> None:
    await register(client, "eve@example.com")
    found = db.execute(
        "SELECT type FROM audit_events WHERE subject = 'eve@example.com' ORDER BY type"
    ).fetchall()
    assert found == [("session.created",), ("user.registered",)]
