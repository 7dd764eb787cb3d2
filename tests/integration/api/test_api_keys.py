"""API keys: what they may do, how they end, and what is kept of them."""

from typing import Any

import httpx2
import psycopg
import pytest
from darkroom_api.api_keys.authenticator import SECONDS, ApiKeys
from darkroom_api.database import open_pool
from darkroom_api.errors import UnauthorizedError
from darkroom_api.testing import User


async def key_of(user: User, *scopes: str, **more: Any) -> tuple[User, dict[str, Any]]:
    """Return a client with a new key, and the key as it was shown."""
    answer = await user.post(
        "/v1/api-keys", json={"name": "ci", "scopes": scopes or ["tasks:read"], **more}
    )
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return User(user.http, {"Authorization": f"Bearer {made['key']}"}), made


async def test_a_key_does_what_its_scopes_say_and_nothing_else(ada: User) -> None:
    reader, _ = await key_of(ada, "tasks:read")
    assert (await reader.get("/v1/tasks")).status_code == 200
    refused = await reader.upload()
    assert refused.status_code == 403
    assert "tasks:write" in refused.json()["detail"]
    writer, _ = await key_of(ada, "tasks:write", "tasks:read")
    made = await writer.upload()
    assert made.status_code == 202
    assert (await ada.get(f"/v1/tasks/{made.json()['id']}")).status_code == 200


async def test_a_key_is_shown_once_and_only_its_hash_is_kept(
    ada: User, db: psycopg.Connection
) -> None:
    _, made = await key_of(ada)
    secret = made["key"].rsplit("_", 1)[1]
    for path in ("/v1/api-keys", f"/v1/api-keys/{made['id']}"):
        assert secret not in (await ada.get(path)).text
    stored = db.execute("SELECT api_keys::text, hash FROM api_keys").fetchone()
    assert stored
    assert secret not in stored[0]
    assert len(stored[1]) == 32
    logged = db.execute("SELECT string_agg(audit_events::text, '') FROM audit_events").fetchone()
    assert logged
    assert secret not in logged[0]


async def test_nobody_makes_a_key_with_scopes_that_they_do_not_have(ada: User) -> None:
    answer = await ada.post(
        "/v1/api-keys", json={"name": "ci", "scopes": ["tasks:read", "admin:write"]}
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/scopes/1"


async def test_a_key_loses_what_its_owner_loses(admin: User, db: psycopg.Connection) -> None:
    key, made = await key_of(admin, "admin:read", "tasks:read")
    assert made["scopes"] == ["admin:read", "tasks:read"]
    db.execute("UPDATE users SET role = 'user'")
    assert (await key.get("/v1/admin/audit-events")).status_code == 403
    assert (await key.get("/v1/tasks")).status_code == 200


async def test_a_key_is_remembered_for_two_seconds_and_no_longer(
    ada: User, database_url: str, db: psycopg.Connection
) -> None:
    """As another replica does, which nobody tells of a revocation."""
    _, made = await key_of(ada)
    now = 0.0
    async with open_pool(database_url, connections=2) as pool:
        keys = ApiKeys(pool, lambda: now)
        assert await keys.identity(made["key"])
        db.execute("UPDATE api_keys SET revoked_at = now()")
        now = SECONDS - 0.1
        assert await keys.identity(made["key"])
        now = SECONDS
        with pytest.raises(UnauthorizedError, match="revoked"):
            await keys.identity(made["key"])


async def test_a_key_cannot_make_another_one(ada: User) -> None:
    key, _ = await key_of(ada, "account")
    answer = await key.post("/v1/api-keys", json={"name": "more", "scopes": ["account"]})
    assert answer.status_code == 403


async def test_a_revoked_key_is_of_no_use_at_once(ada: User) -> None:
    key, made = await key_of(ada)
    assert (await key.get("/v1/tasks")).status_code == 200
    path = f"/v1/api-keys/{made['id']}"
    for _ in range(2):
        answer = await ada.http.delete(path, headers=ada.headers)
        assert answer.status_code == 204
    refused = await key.get("/v1/tasks")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert (await ada.get(path)).json()["revoked_at"]


async def test_a_key_ends_when_it_expires(ada: User, db: psycopg.Connection) -> None:
    key, _ = await key_of(ada, expires_at="2100-01-01T00:00:00Z")
    db.execute("UPDATE api_keys SET expires_at = now()")
    assert (await key.get("/v1/tasks")).status_code == 401


async def test_a_key_that_has_expired_already_is_not_made(ada: User) -> None:
    answer = await ada.post(
        "/v1/api-keys",
        json={"name": "x", "scopes": ["account"], "expires_at": "2001-01-01T00:00:00Z"},
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/expires_at"


async def test_a_disabled_owners_key_lets_nobody_in(ada: User, db: psycopg.Connection) -> None:
    key, _ = await key_of(ada)
    db.execute("UPDATE users SET disabled_at = now()")
    assert (await key.get("/v1/tasks")).status_code == 401


async def test_its_use_is_noted_once_a_minute(ada: User, db: psycopg.Connection) -> None:
    key, made = await key_of(ada)
    assert (await ada.get(f"/v1/api-keys/{made['id']}")).json()["last_used_at"] is None
    await key.get("/v1/tasks")
    first = db.execute("SELECT last_used_at, xmin FROM api_keys").fetchone()
    assert first
    assert first[0]
    for _ in range(3):
        await key.get("/v1/tasks")
    assert first == db.execute("SELECT last_used_at, xmin FROM api_keys").fetchone()


@pytest.mark.parametrize(
    "token",
    [
        "dk_",
        "dk_x_y",
        "dk_00000000000040008000000000000000_" + "x" * 43,
        "dk_" + "0" * 32 + "_" + "x" * 42,
        "dk_" + "\x00" * 8,
        "dk_ä",
    ],
)
async def test_what_is_no_key_is_answered_alike(client: httpx2.AsyncClient, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}".encode()}
    answer = await client.get("/v1/tasks", headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthorized"


async def test_another_secret_for_the_same_key_is_refused(ada: User) -> None:
    key, made = await key_of(ada)
    assert (await key.get("/v1/tasks")).status_code == 200
    forged = made["key"][:-1] + ("A" if made["key"][-1] != "A" else "B")
    answer = await ada.http.get("/v1/tasks", headers={"Authorization": f"Bearer {forged}"})
    assert answer.status_code == 401


async def test_somebody_elses_key_looks_like_none_and_an_admin_may_end_it(
    ada: User, bob: User, admin: User
) -> None:
    _, made = await key_of(ada)
    path = f"/v1/api-keys/{made['id']}"
    assert (await bob.get(path)).status_code == 404
    assert (await bob.http.delete(path, headers=bob.headers)).status_code == 404
    assert (await bob.get("/v1/api-keys")).json()["data"] == []
    assert (await admin.http.delete(path, headers=admin.headers)).status_code == 204


async def test_an_admins_key_ends_nobody_elses_without_the_scope(ada: User, admin: User) -> None:
    _, made = await key_of(ada)
    weak, _ = await key_of(admin, "account")
    path = f"/v1/api-keys/{made['id']}"
    assert (await weak.http.delete(path, headers=weak.headers)).status_code == 404


async def test_there_is_a_most_number_of_keys(ada: User, db: psycopg.Connection) -> None:
    db.execute(
        """INSERT INTO api_keys (id, owner, name, hash, scopes)
        SELECT gen_random_uuid(), users.id, 'x', 'x', '{}' FROM users, generate_series(1, 50)
        WHERE email = 'ada@example.com'"""
    )
    answer = await ada.post("/v1/api-keys", json={"name": "x", "scopes": ["account"]})
    assert answer.status_code == 409
    assert answer.json()["code"] == "too_many_api_keys"


async def test_keys_are_in_the_audit_log_which_admins_read(ada: User, admin: User) -> None:
    _, made = await key_of(ada)
    await ada.http.delete(f"/v1/api-keys/{made['id']}", headers=ada.headers)
    answer = await admin.get(f"/v1/admin/audit-events?subject={made['id']}")
    found = answer.json()["data"]
    assert [event["type"] for event in found] == ["api_key.revoked", "api_key.created"]
    assert found[1]["details"] == {"name": "ci", "scopes": ["tasks:read"]}
    assert found[1]["address"]
    assert found[1]["request_id"]
    assert (await ada.get("/v1/admin/audit-events")).status_code == 403
    first = await admin.get(f"/v1/admin/audit-events?subject={made['id']}&limit=1")
    assert first.json()["has_more"]
    second = await admin.get(first.links["next"]["url"])
    assert [event["type"] for event in second.json()["data"]] == ["api_key.created"]
