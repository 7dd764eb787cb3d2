"""What belongs to somebody else looks like what is not there, at every route that takes an id.

Routes are found by walking the OpenAPI document, so one that is new and forgets to ask whose a
thing is does not go unnoticed: a parameter that nobody has a value for here fails the test.
"""

import re
from typing import Any

import httpx2
import psycopg
import pytest
from darkroom_api.app import create_app
from darkroom_api.settings import Settings
from darkroom_api.testing import FakeCluster, User

# Reached by signatures, which name no user; shared by all; for admins alone, who see everything; or
# resources of Kubernetes, whose owners are asked for in tests of their own.
NOBODYS = re.compile(
    r"^/(v1/(objects|progress|maintenance|recipes|schedules|admin|auth|unsubscribe)/|problems/)"
)
# A body or header that is missing may be said so before anybody looks whose it is: of both alike.
ALIKE = {400, 404, 412, 415, 422}
ID = re.compile(r"\{(\w+)\}")


@pytest.fixture
async def adas(ada: User, db: psycopg.Connection) -> dict[str, str]:
    """One of each thing, all of them ada's: the values of paths' parameters."""
    task = (await ada.upload()).json()["id"]
    found = db.execute("SELECT owner, batch FROM tasks WHERE id = %s", [task]).fetchone()
    assert found
    db.execute("INSERT INTO batches (id, owner) VALUES ('batch-adas', %s)", [found[0]])
    key = await ada.post("/v1/api-keys", json={"name": "x", "scopes": ["tasks:read"]})
    webhook = await ada.post("/v1/webhooks", json={"url": "https://example.com/hook"})
    upload = await ada.post("/v1/uploads", json={"filename": "a.jpg"})
    db.execute(
        """INSERT INTO deliveries (id, kind, lane, channel, owner, endpoint, task_id, type, body)
        VALUES ('delivery-adas', 'webhook', 'x', 'x', %s, %s, %s, 'task.succeeded', '{}')""",
        [found[0], webhook.json().get("id"), task],
    )
    session = db.execute("SELECT id FROM sessions WHERE user_id = %s", [found[0]]).fetchone()
    return {
        "task_id": task,
        "batch_id": "batch-adas",
        "key_id": key.json()["id"],
        "webhook_id": webhook.json().get("id", "none"),
        "upload_id": upload.json().get("id", "none"),
        "delivery_id": "delivery-adas",
        "session_id": str(session[0]) if session else "00000000-0000-0000-0000-000000000000",
    }


def operations(settings: Settings, cluster: FakeCluster) -> list[tuple[str, str, dict[str, Any]]]:
    document = create_app(settings, open_cluster=cluster.opened).openapi()
    return [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        if ID.search(path) and not NOBODYS.match(path)
        for method, operation in methods.items()
    ]


def filled(path: str, values: dict[str, str]) -> str:
    return ID.sub(lambda found: values.get(found[1], "thumb"), path)


async def refused(user: User, method: str, path: str) -> httpx2.Response:
    body: dict[str, Any] = {} if method in {"GET", "HEAD", "DELETE"} else {"json": {}}
    return await user.http.request(method, path, headers=user.headers, **body)


async def test_every_route_answers_for_somebody_elses_id_as_for_one_that_is_not_there(
    settings: Settings, cluster: FakeCluster, bob: User, adas: dict[str, str]
) -> None:
    nobodys = {
        name: "00000000-0000-4000-8000-000000000000" if "-" in value[8:9] else "task-none"
        for name, value in adas.items()
    }
    wrong: list[str] = []
    for method, path, operation in operations(settings, cluster):
        if not operation.get("security"):
            continue
        first = ID.findall(path)[0]
        if first not in adas:
            continue
        hers = await refused(bob, method, filled(path, adas))
        none = await refused(bob, method, filled(path, nobodys))
        if hers.status_code not in ALIKE or hers.status_code != none.status_code:
            wrong.append(f"{method} {path}: {hers.status_code}, and {none.status_code} for none")
        elif method != "HEAD" and hers.json()["code"] != none.json()["code"]:
            wrong.append(f"{method} {path}: {hers.json()['code']} and {none.json()['code']}")
    assert wrong == []


async def test_every_route_that_takes_an_id_is_asked(
    settings: Settings, cluster: FakeCluster, adas: dict[str, str]
) -> None:
    """A new kind of id is added to `adas`, or its routes to `NOBODYS` with the reason."""
    unknown = {
        f"{method} {path}"
        for method, path, operation in operations(settings, cluster)
        if operation.get("security") and ID.findall(path)[0] not in adas
    }
    assert unknown == set()


async def test_every_route_of_users_wants_to_know_who_asks(
    settings: Settings, cluster: FakeCluster, client: httpx2.AsyncClient, adas: dict[str, str]
) -> None:
    for method, path, operation in operations(settings, cluster):
        if operation.get("security"):
            answer = await client.request(method, filled(path, adas))
            assert answer.status_code == 401, f"{method} {path}: {answer.status_code}"
