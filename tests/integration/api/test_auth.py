"""Accounts and access tokens."""

import httpx2
import psycopg
import pytest
from argon2 import PasswordHasher
from darkroom_api.app import create_app
from darkroom_api.settings import Settings
from darkroom_api.testing import FakeCluster, User, client_of, register, sign_in

GOOD = {"email": "Ada@Example.COM", "password": "a long enough password"}


async def test_a_user_registers_signs_in_and_is_known(client: httpx2.AsyncClient) -> None:
    made = await client.post("/v1/auth/register", json=GOOD)
    assert made.status_code == 201
    assert made.json()["email"] == "ada@example.com"
    assert made.json()["role"] == "user"
    assert "password" not in made.text

    user = await sign_in(client, GOOD["email"], GOOD["password"])
    assert (await user.get("/v1/me")).json() == made.json()


async def test_an_address_is_taken_once_in_any_case(client: httpx2.AsyncClient) -> None:
    await client.post("/v1/auth/register", json=GOOD)
    again = await client.post("/v1/auth/register", json=GOOD | {"email": "aDa@example.com"})

    assert again.status_code == 409
    assert again.headers["content-type"] == "application/problem+json"
    assert again.json()["code"] == "email_taken"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"email": "not an address"}, "#/email"),
        ({"password": "too short"}, "#/password"),
        ({"password": "x" * 300}, "#/password"),
        ({"role": "admin"}, "#/role"),
    ],
)
async def test_a_bad_registration_says_where(
    client: httpx2.AsyncClient, change: dict[str, str], pointer: str
) -> None:
    refused = await client.post("/v1/auth/register", json=GOOD | change)

    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


async def test_registration_can_be_closed(settings: Settings, cluster: FakeCluster) -> None:
    closed = settings.model_copy(update={"registration_open": False})
    async with client_of(create_app(closed, open_cluster=cluster.opened)) as client:
        answer = await client.post("/v1/auth/register", json=GOOD)
    assert answer.status_code == 403


async def test_the_token_comes_as_oauth2_form_too(ada: User) -> None:
    form = {
        "grant_type": "password",
        "username": "ada@example.com",
        "password": "a long enough password",
    }
    answer = await ada.http.post("/v1/auth/token", data=form)

    assert answer.status_code == 200
    assert answer.json()["token_type"] == "bearer"
    assert answer.json()["expires_in"] == 900


@pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com", "no address"])
async def test_wrong_credentials_look_the_same_whoever_they_are_for(ada: User, email: str) -> None:
    answer = await ada.http.post("/v1/auth/token", json={"email": email, "password": "wrong"})

    assert answer.status_code == 401
    assert answer.json()["code"] == "wrong_credentials"


async def test_a_hash_with_old_numbers_is_renewed_at_login(
    ada: User, db: psycopg.Connection
) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("a long enough password")
    db.execute("UPDATE users SET password_hash = %s WHERE email = 'ada@example.com'", [old])

    await sign_in(ada.http, "ada@example.com", "a long enough password")

    row = db.execute("SELECT password_hash FROM users WHERE email = 'ada@example.com'").fetchone()
    assert row
    assert row[0].startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_the_admin_of_the_settings_exists_and_follows_them(
    settings: Settings, cluster: FakeCluster, admin: User
) -> None:
    me = (await admin.get("/v1/me")).json()
    assert me["role"] == "admin"

    changed = Settings.model_validate(
        settings.model_dump() | {"admin_password": "quite another password"}
    )
    async with client_of(create_app(changed, open_cluster=cluster.opened)) as client:
        again = await sign_in(client, "admin@darkroom.internal", "quite another password")
        assert (await again.get("/v1/me")).json() == me
        old = {"email": "admin@darkroom.internal", "password": "the admin's password"}
        assert (await client.post("/v1/auth/token", json=old)).status_code == 401


async def test_a_user_who_becomes_the_admin_of_the_settings_keeps_their_id(
    settings: Settings, cluster: FakeCluster, ada: User
) -> None:
    changed = Settings.model_validate(
        settings.model_dump() | {"admin_email": "ada@example.com", "admin_password": "new"}
    )
    async with client_of(create_app(changed, open_cluster=cluster.opened)) as client:
        promoted = (await (await sign_in(client, "ada@example.com", "new")).get("/v1/me")).json()

    assert promoted == (await ada.get("/v1/me")).json()
    assert promoted["role"] == "admin"


@pytest.mark.parametrize("token", ["not.a.token", "", "dk_nothing", "é"])
async def test_a_token_that_is_not_ours_is_refused(client: httpx2.AsyncClient, token: str) -> None:
    answer = await client.get("/v1/tasks", headers={b"Authorization": f"Bearer {token}".encode()})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "unauthorized"


async def test_without_a_token_nothing_is_shown(client: httpx2.AsyncClient) -> None:
    for method, path in (("GET", "/v1/me"), ("GET", "/v1/tasks"), ("POST", "/v1/tasks")):
        assert (await client.request(method, path)).status_code == 401


async def test_a_user_who_is_gone_is_nobody(ada: User, db: psycopg.Connection) -> None:
    db.execute("DELETE FROM users WHERE email = 'ada@example.com'")
    assert (await ada.get("/v1/me")).status_code == 401


async def test_users_see_only_their_own_tasks_and_the_admin_all(ada: User, admin: User) -> None:
    bob = await register(ada.http, "bob@example.com")
    task = (await ada.upload()).json()

    for path in (f"/v1/tasks/{task['id']}", f"/v1/tasks/{task['id']}/outputs/thumb"):
        assert (await bob.get(path)).status_code == 404
    assert (await bob.post(f"/v1/tasks/{task['id']}/cancel")).status_code == 404
    assert (await bob.get("/v1/tasks")).json()["data"] == []
    assert (await ada.get(f"/v1/tasks/{task['id']}")).json()["status"] == "queued"
    assert (await admin.get(f"/v1/tasks/{task['id']}")).status_code == 200
    assert [seen["id"] for seen in (await admin.get("/v1/tasks")).json()["data"]] == [task["id"]]
