"""Admins manage users: roles, quotas, who is disabled; and cannot lock everybody out."""

import uuid
from typing import Any

import httpx2
import psycopg
import pytest
from darkroom_api.testing import User, register, until

ADMIN = "admin@darkroom.internal"
PASSWORD = "a long enough password"


async def id_of(user: User) -> str:
    found: str = (await user.get("/v1/me")).json()["id"]
    return found


async def change(admin: User, user_id: str, **what: Any) -> httpx2.Response:
    path = f"/v1/admin/users/{user_id}"
    return await admin.http.patch(path, json=what, headers=admin.headers)


def events(db: psycopg.Connection, user_id: str) -> list[str]:
    rows = db.execute(
        "SELECT type FROM audit_events WHERE subject = %s AND actor IS NOT NULL"
        " AND actor::text <> subject ORDER BY id",
        [user_id],
    ).fetchall()
    return [kind for (kind,) in rows]


async def test_users_are_found_by_a_part_of_the_address_their_role_and_their_state(
    admin: User, ada: User, bob: User
) -> None:
    async def found(query: str) -> list[str]:
        answer = await admin.get(f"/v1/admin/users?{query}")
        assert answer.status_code == 200, answer.text
        return [user["email"] for user in answer.json()["data"]]

    await id_of(ada)
    await change(admin, await id_of(bob), disabled=True)

    assert await found("email=ADA%40") == ["ada@example.com"]
    assert await found("email=%25") == []
    assert await found("role=admin") == [ADMIN]
    assert await found("disabled=true") == ["bob@example.com"]
    assert set(await found("disabled=false")) == {ADMIN, "ada@example.com"}


async def test_the_list_is_paged_without_gaps(admin: User, ada: User, bob: User) -> None:
    await id_of(ada)
    await id_of(bob)
    emails: list[str] = []
    query = "limit=2"
    while True:
        page = (await admin.get(f"/v1/admin/users?{query}")).json()
        emails += [user["email"] for user in page["data"]]
        if not page["has_more"]:
            break
        query = f"limit=2&cursor={page['next_cursor']}"
    assert emails == ["bob@example.com", "ada@example.com", ADMIN]


@pytest.mark.parametrize("query", ["cursor=x", "limit=0", "limit=101", "role=king", "email=%00"])
async def test_a_query_that_makes_no_sense_is_refused(admin: User, query: str) -> None:
    assert (await admin.get(f"/v1/admin/users?{query}")).status_code == 422


async def test_a_disabled_user_is_let_in_nowhere_and_again_once_enabled(
    admin: User, ada: User, client: httpx2.AsyncClient, db: psycopg.Connection
) -> None:
    user_id = await id_of(ada)
    answer = await change(admin, user_id, disabled=True)
    assert (answer.status_code, bool(answer.json()["disabled_at"])) == (200, True)

    async def is_out() -> bool:
        return (await ada.get("/v1/me")).status_code == 401

    await until(is_out)
    credentials = {"email": "ada@example.com", "password": PASSWORD}
    refused = await client.post("/v1/auth/token", json=credentials)
    assert refused.status_code in {401, 403}

    assert (await change(admin, user_id, disabled=False)).json()["disabled_at"] is None
    assert (await client.post("/v1/auth/token", json=credentials)).status_code == 200
    assert events(db, user_id) == ["user.disabled", "user.enabled"]


async def test_signing_out_everywhere_ends_the_sessions_and_not_the_account(
    admin: User, ada: User, client: httpx2.AsyncClient
) -> None:
    path = f"/v1/admin/users/{await id_of(ada)}/sign-out"
    assert (await admin.post(path)).status_code == 204

    async def is_out() -> bool:
        return (await ada.get("/v1/me")).status_code == 401

    await until(is_out)
    credentials = {"email": "ada@example.com", "password": PASSWORD}
    assert (await client.post("/v1/auth/token", json=credentials)).status_code == 200


async def test_a_role_is_given_and_counts(
    admin: User, ada: User, client: httpx2.AsyncClient, db: psycopg.Connection
) -> None:
    user_id = await id_of(ada)
    assert (await change(admin, user_id, role="operator")).json()["role"] == "operator"

    async def is_out() -> bool:
        return (await ada.get("/v1/me")).status_code == 401

    # What was signed says the old role.
    await until(is_out)
    again = await client.post(
        "/v1/auth/token", json={"email": "ada@example.com", "password": PASSWORD}
    )
    operator = User(client, {"Authorization": f"Bearer {again.json()['access_token']}"})
    assert (await operator.get("/v1/admin/queues")).status_code == 200
    assert (await change(operator, user_id, role="admin")).status_code == 403
    assert events(db, user_id) == ["user.role_changed"]


async def test_a_quota_is_replaced_as_a_whole(
    admin: User, ada: User, db: psycopg.Connection
) -> None:
    user_id = await id_of(ada)
    first = await change(admin, user_id, quota={"tasks_per_day": 5, "bytes_stored": None})
    assert first.json()["quota"] == {"tasks_per_day": 5, "bytes_stored": None}
    second = await change(admin, user_id, quota={"tasks_at_once": 2})
    assert second.json()["quota"] == {"tasks_at_once": 2}
    assert (await change(admin, user_id, quota={})).json()["quota"] == {}
    assert events(db, user_id) == ["user.quota_changed"] * 3


@pytest.mark.parametrize(
    "body",
    [
        {"role": "king"},
        {"quota": {"tasks": 1}},
        {"quota": {"tasks_per_day": -1}},
        {"is_admin": True},
    ],
)
async def test_a_change_that_makes_no_sense_changes_nothing(
    admin: User, ada: User, db: psycopg.Connection, body: dict[str, Any]
) -> None:
    user_id = await id_of(ada)
    assert (await change(admin, user_id, **body)).status_code == 422
    assert events(db, user_id) == []


@pytest.mark.parametrize("what", [{"disabled": True}, {"role": "user"}, {"role": "operator"}])
async def test_nobody_takes_admin_from_themselves(admin: User, what: dict[str, Any]) -> None:
    answer = await change(admin, await id_of(admin), **what)
    assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")
    assert (await admin.get("/v1/admin/users")).status_code == 200


async def test_who_is_not_there_is_not_found(admin: User) -> None:
    nobody = str(uuid.uuid4())
    for answer in (
        await admin.get(f"/v1/admin/users/{nobody}"),
        await change(admin, nobody, disabled=True),
        await admin.post(f"/v1/admin/users/{nobody}/sign-out"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_users_and_operators_change_nobody(ada: User, client: httpx2.AsyncClient) -> None:
    eve = await register(client, "eve@example.com")
    answer = await change(ada, await id_of(eve), disabled=True)
    assert (answer.status_code, "admin:write" in answer.json()["detail"]) == (403, True)
    assert (await eve.get("/v1/me")).status_code == 200
