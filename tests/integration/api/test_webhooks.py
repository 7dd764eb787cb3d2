"""Webhooks, to a real server: what is sent, how it is signed, and what comes of failures."""

import base64
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from darkroom_api.testing import RECIPE, User, until
from darkroom_api.testing.receiver import Received, Receiver, Told
from standardwebhooks import Webhook, WebhookVerificationError

Environment = dict[str, str]


@pytest.fixture
def environment(environment: Environment) -> Environment:
    return environment | {
        "DARKROOM_WEBHOOKS__ALLOW_HTTP": "true",
        "DARKROOM_WEBHOOKS__ALLOWED_NETWORKS": "127.0.0.1/32",
        "DARKROOM_WEBHOOKS__TIMEOUT_SECONDS": "5",
        "DARKROOM_PUBLIC_URL": "https://darkroom.example.com",
    }


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as receiver:
        yield receiver


async def webhook(user: User, url: str, types: list[str] | None = None) -> dict[str, Any]:
    wanted: dict[str, Any] = {"url": url} | ({"types": types} if types else {})
    answer = await user.post("/v1/webhooks", json=wanted)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def task(user: User) -> str:
    answer = await user.upload()
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def advance(db: psycopg.Connection, task_id: str, status: str) -> None:
    """As the operator does."""
    db.execute("UPDATE tasks SET status = %s, finished_at = now() WHERE id = %s", [status, task_id])


def verify(received: Received, secret: str) -> dict[str, Any]:
    document: dict[str, Any] = Webhook(secret).verify(received.body, received.headers)
    return document


async def deliveries(user: User, **filters: str) -> list[dict[str, Any]]:
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    data: list[dict[str, Any]] = (await user.get(f"/v1/deliveries?{query}")).json()["data"]
    return data


async def delivered(user: User, status: str, **filters: str) -> dict[str, Any]:
    """Wait for one delivery to have this status, and return it."""
    found = await until(lambda: _with_status(user, status, filters))
    one: dict[str, Any] = found[0]
    return one


async def _with_status(user: User, status: str, filters: dict[str, str]) -> list[dict[str, Any]]:
    return await deliveries(user, status=status, **filters)


async def tried(user: User, delivery_id: str, times: int = 1) -> dict[str, Any]:
    """Wait until so many tries are in the log, and return the delivery."""

    async def look() -> dict[str, Any] | None:
        found: dict[str, Any] = (await user.get(f"/v1/deliveries/{delivery_id}")).json()
        return found if len(found["log"]) >= times else None

    detail: dict[str, Any] = await until(look)
    return detail


async def test_a_finished_task_is_told_with_a_signature_that_others_verify(
    ada: User, receiver: Receiver, db: psycopg.Connection
) -> None:
    made = await webhook(ada, f"{receiver.url}/hook?a=%20b")
    task_id = await task(ada)
    advance(db, task_id, "succeeded")

    await until(lambda: receiver.received)

    received = receiver.received[0]
    document = verify(received, made["secret"])
    assert (document["type"], document["data"]["id"]) == ("task.succeeded", task_id)
    assert document["data"]["status"] == "succeeded"
    assert document["data"]["urls"]["self"] == f"https://darkroom.example.com/v1/tasks/{task_id}"
    assert set(document) == {"type", "timestamp", "data"}
    assert datetime.fromisoformat(document["timestamp"]) <= datetime.now(UTC)
    assert (received.path, received.headers["content-type"]) == ("/hook?a=%20b", "application/json")
    told = await delivered(ada, "succeeded")
    assert told["id"] == received.headers["webhook-id"]
    with pytest.raises(WebhookVerificationError):
        verify(received, "whsec_" + base64.b64encode(b"another secret of 24 byt").decode())


async def test_only_the_types_that_were_asked_for_are_told_and_only_to_the_owner(
    ada: User, bob: User, receiver: Receiver, db: psycopg.Connection
) -> None:
    await webhook(ada, f"{receiver.url}/all", ["*"])
    await webhook(ada, f"{receiver.url}/failures", ["task.failed"])
    await webhook(bob, f"{receiver.url}/bob", ["*"])
    task_id = await task(ada)
    advance(db, task_id, "running")
    advance(db, task_id, "succeeded")

    await until(lambda: len(receiver.at("/all")) == 3)

    types = [json.loads(received.body)["type"] for received in receiver.at("/all")]
    assert types == ["task.created", "task.started", "task.succeeded"]
    assert receiver.at("/failures") == receiver.at("/bob") == []


async def test_a_task_has_a_url_of_its_own_signed_by_the_default_secret(
    ada: User, receiver: Receiver, db: psycopg.Connection
) -> None:
    secret = (await ada.post("/v1/me/webhook-secret", json={})).json()["secret"]
    own = {"url": f"{receiver.url}/mine", "types": ["task.failed"]}
    task_id = (await ada.upload(recipe={**RECIPE, "webhook": own})).json()["id"]
    advance(db, task_id, "running")
    advance(db, task_id, "failed")

    await until(lambda: receiver.at("/mine"))

    assert verify(receiver.received[0], secret)["data"]["status"] == "failed"
    told = await delivered(ada, "succeeded")
    assert (told["webhook"], told["url"], told["task"]) == (None, f"{receiver.url}/mine", task_id)


async def test_a_tasks_own_url_is_refused_where_it_would_never_be_called(ada: User) -> None:
    for url in ("https://10.0.0.1/", "ftp://example.com/", "https://user@example.com/"):
        answer = await ada.upload(recipe={**RECIPE, "webhook": {"url": url}})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_users_who_were_disabled_are_told_nothing(
    ada: User, receiver: Receiver, db: psycopg.Connection
) -> None:
    await webhook(ada, f"{receiver.url}/hook", ["task.started", "task.succeeded"])
    task_id = await task(ada)
    db.execute("UPDATE users SET disabled_at = now()")
    advance(db, task_id, "running")
    all_read = "SELECT FROM outbox_position WHERE id >= (SELECT max(id) FROM task_events)"
    await until(lambda: db.execute(all_read).fetchall())
    db.execute("UPDATE users SET disabled_at = NULL")
    advance(db, task_id, "succeeded")

    await until(lambda: receiver.received)

    assert [json.loads(r.body)["type"] for r in receiver.received] == ["task.succeeded"]


async def test_a_failure_is_tried_again_and_the_log_says_what_was_answered(
    ada: User, receiver: Receiver, db: psycopg.Connection
) -> None:
    await webhook(ada, f"{receiver.url}/hook", ["task.succeeded"])
    receiver.answers["/hook"] = Told(500, body=b"x" * 5000)
    advance(db, await task(ada), "succeeded")
    await until(lambda: receiver.received)
    first = await tried(ada, receiver.received[0].headers["webhook-id"])

    assert first["status"] == "pending"
    assert (first["log"][0]["status_code"], first["error"]) == (500, "it answered 500")
    assert 0 < len(first["log"][0]["response"]) <= 1000
    wait = datetime.fromisoformat(first["next_attempt_at"]) - datetime.now(UTC)
    assert timedelta(seconds=3) < wait < timedelta(seconds=7)

    receiver.answers["/hook"] = Told(200, body=b"thanks")
    db.execute("UPDATE deliveries SET due_at = now()")
    second = await tried(ada, first["id"], 2)

    assert (second["status"], second["log"][1]["response"]) == ("succeeded", "thanks")
    ids = {received.headers["webhook-id"] for received in receiver.received}
    assert (len(receiver.received), ids) == (2, {first["id"]})


async def test_events_of_one_task_stay_in_order_while_those_of_others_go_on(
    ada: User, receiver: Receiver, db: psycopg.Connection
) -> None:
    await webhook(ada, f"{receiver.url}/hook", ["task.started", "task.succeeded"])
    held = await task(ada)
    receiver.answers["/hook"] = Told(500)
    advance(db, held, "running")
    await until(lambda: receiver.received)
    await tried(ada, receiver.received[0].headers["webhook-id"])
    receiver.answers["/hook"] = Told(204)

    advance(db, held, "succeeded")
    other = await task(ada)
    advance(db, other, "running")
    advance(db, other, "succeeded")
    await until(lambda: len(receiver.received) == 3)
    assert {json.loads(r.body)["data"]["id"] for r in receiver.received[1:]} == {other}

    db.execute("UPDATE deliveries SET due_at = now() WHERE status = 'pending' AND tries > 0")
    await until(lambda: len(receiver.received) == 5)
    told = [json.loads(r.body) for r in receiver.received[3:]]
    assert [(t["type"], t["data"]["id"]) for t in told] == [
        ("task.started", held),
        ("task.succeeded", held),
    ]


async def test_retry_after_is_honoured_and_429_holds_everything_for_the_endpoint(
    ada: User, receiver: Receiver, db: psycopg.Connection
) -> None:
    await webhook(ada, f"{receiver.url}/full", ["task.succeeded"])
    await webhook(ada, f"{receiver.url}/free", ["task.succeeded"])
    receiver.answers["/full"] = Told(429, (("Retry-After", "3000"),))
    advance(db, await task(ada), "succeeded")
    await until(lambda: receiver.at("/full"))
    first = await tried(ada, receiver.at("/full")[0].headers["webhook-id"])
    wait = datetime.fromisoformat(first["next_attempt_at"]) - datetime.now(UTC)
    assert timedelta(seconds=2900) < wait <= timedelta(seconds=3000)

    advance(db, await task(ada), "succeeded")
    await until(lambda: len(receiver.at("/free")) == 2)

    assert len(receiver.at("/full")) == 1


async def test_410_disables_the_endpoint_at_once_and_a_mail_says_so(
    ada: User, receiver: Receiver, db: psycopg.Connection
) -> None:
    made = await webhook(ada, f"{receiver.url}/hook", ["task.succeeded"])
    receiver.answers["/hook"] = Told(410)
    advance(db, await task(ada), "succeeded")

    failed = await delivered(ada, "failed")

    assert "410" in failed["error"]
    view = (await ada.get(f"/v1/webhooks/{made['id']}")).json()
    assert (view["enabled"], view["disabled_because"]) == (False, "gone")
    mail = db.execute("SELECT recipient, type FROM deliveries WHERE kind = 'mail'").fetchall()
    assert mail == [("ada@example.com", "webhook_disabled")]
    assert (await ada.post(f"/v1/webhooks/{made['id']}/test")).json()["code"] == "webhook_disabled"

    enabled = await ada.http.patch(
        f"/v1/webhooks/{made['id']}", json={"enabled": True}, headers=ada.headers
    )
    assert (enabled.json()["enabled"], enabled.json()["disabled_because"]) == (True, None)
    receiver.answers.clear()
    since = failed["created_at"]
    replay = await ada.post("/v1/deliveries/replay", json={"since": since, "webhook": made["id"]})
    assert (replay.status_code, replay.json()["replayed"]) == (202, 1)
    assert (await delivered(ada, "succeeded"))["id"] == failed["id"]


async def test_days_of_failures_disable_the_endpoint(
    ada: User, receiver: Receiver, db: psycopg.Connection
) -> None:
    made = await webhook(ada, f"{receiver.url}/hook", ["task.succeeded"])
    receiver.answers["/hook"] = Told(500)
    advance(db, await task(ada), "succeeded")
    await until(lambda: receiver.received)
    await tried(ada, receiver.received[0].headers["webhook-id"])
    view = (await ada.get(f"/v1/webhooks/{made['id']}")).json()
    assert (view["enabled"], view["failing_since"] is None) == (True, False)

    db.execute("UPDATE webhook_endpoints SET failing_since = now() - interval '6 days'")
    db.execute("UPDATE deliveries SET due_at = now()")
    await delivered(ada, "failed")

    view = (await ada.get(f"/v1/webhooks/{made['id']}")).json()
    assert (view["enabled"], view["disabled_because"]) == (False, "failing")


async def test_what_has_failed_for_good_lets_the_next_go(
    ada: User, receiver: Receiver, db: psycopg.Connection
) -> None:
    await webhook(ada, f"{receiver.url}/hook", ["task.started", "task.succeeded"])
    receiver.answers["/hook"] = Told(500)
    task_id = await task(ada)
    advance(db, task_id, "running")
    await until(lambda: receiver.received)
    await tried(ada, receiver.received[0].headers["webhook-id"])
    advance(db, task_id, "succeeded")

    db.execute("UPDATE deliveries SET due_at = now(), attempts = 9 WHERE tries > 0")
    await delivered(ada, "failed", type="task.started")
    await until(lambda: len(receiver.received) == 3)

    assert json.loads(receiver.received[2].body)["type"] == "task.succeeded"


async def test_redirects_are_failures_and_are_not_followed(
    ada: User, receiver: Receiver, db: psycopg.Connection
) -> None:
    await webhook(ada, f"{receiver.url}/hook", ["task.succeeded"])
    receiver.answers["/hook"] = Told(307, (("Location", f"{receiver.url}/inner"),))
    advance(db, await task(ada), "succeeded")
    await until(lambda: receiver.received)

    detail = await tried(ada, receiver.received[0].headers["webhook-id"])

    assert "redirects are not followed" in detail["error"]
    assert receiver.at("/inner") == []


async def test_a_rotated_secret_signs_beside_the_new_one_for_its_grace(
    ada: User, receiver: Receiver, db: psycopg.Connection
) -> None:
    made = await webhook(ada, f"{receiver.url}/hook")
    path = f"/v1/webhooks/{made['id']}"
    rotated = (await ada.post(f"{path}/secret", json={"grace_seconds": 600})).json()
    assert rotated["previous_secret_until"]
    await ada.post(f"{path}/test")
    await until(lambda: receiver.received)
    assert len(receiver.received[0].headers["webhook-signature"].split()) == 2
    for secret in (made["secret"], rotated["secret"]):
        assert verify(receiver.received[0], secret)["type"] == "webhook.test"

    db.execute("UPDATE webhook_endpoints SET previous_secret_until = now()")
    await ada.post(f"{path}/test")
    await until(lambda: len(receiver.received) == 2)
    verify(receiver.received[1], rotated["secret"])
    with pytest.raises(WebhookVerificationError):
        verify(receiver.received[1], made["secret"])


async def test_secrets_are_shown_once_and_are_not_in_the_database(
    ada: User, db: psycopg.Connection
) -> None:
    made = await webhook(ada, "https://example.com/hook")
    secret = base64.b64decode(made["secret"].removeprefix("whsec_"))
    assert 24 <= len(secret) <= 64

    for path in ("/v1/webhooks", f"/v1/webhooks/{made['id']}"):
        assert made["secret"] not in (await ada.get(path)).text
    stored = db.execute("SELECT secret FROM webhook_endpoints").fetchone()
    assert stored
    assert secret not in bytes(stored[0])


async def test_a_delivery_can_be_replayed_with_the_same_id_and_body(
    ada: User, bob: User, receiver: Receiver
) -> None:
    made = await webhook(ada, f"{receiver.url}/hook")
    sent = (await ada.post(f"/v1/webhooks/{made['id']}/test")).json()
    await delivered(ada, "succeeded")

    assert (await bob.post(f"/v1/deliveries/{sent['id']}/replay")).status_code == 404
    assert (await bob.get(f"/v1/deliveries/{sent['id']}")).status_code == 404
    assert (await ada.post(f"/v1/deliveries/{sent['id']}/replay")).status_code == 202

    await until(lambda: len(receiver.received) == 2)
    first, second = receiver.received
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == sent["id"]
    assert len((await tried(ada, sent["id"], 2))["log"]) == 2


async def test_one_slow_receiver_does_not_hold_up_others(
    ada: User, receiver: Receiver, db: psycopg.Connection
) -> None:
    await webhook(ada, f"{receiver.url}/slow", ["task.succeeded"])
    await webhook(ada, f"{receiver.url}/quick", ["task.succeeded"])
    receiver.answers["/slow"] = Told(hangs=True)
    for task_id in [await task(ada) for _ in range(12)]:
        advance(db, task_id, "succeeded")

    await until(lambda: len(receiver.at("/quick")) == 12, 4)

    assert len(receiver.at("/slow")) == 4
    receiver.release.set()
    await until(lambda: len(receiver.at("/slow")) == 12)


async def test_a_receiver_that_does_not_answer_is_given_up_after_the_timeout(ada: User) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        made = await webhook(ada, f"http://127.0.0.1:{silent.getsockname()[1]}/")
        sent = (await ada.post(f"/v1/webhooks/{made['id']}/test")).json()
        detail = await tried(ada, sent["id"])

    assert detail["error"] == "no answer in 5 s"
    assert detail["log"][0]["status_code"] is None


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "https://user:pass@example.com/",
        "https://example.com/#fragment",
        "https:///path",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://[::1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:169.254.169.254]/",
        "https://example.com/\u0000",
        "//example.com/",
        "x" * 3000,
    ],
)
async def test_urls_that_are_never_called_are_refused_at_the_door(ada: User, url: str) -> None:
    answer = await ada.post("/v1/webhooks", json={"url": url})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_there_is_a_most_of_webhooks(ada: User) -> None:
    for _ in range(20):
        await webhook(ada, "https://example.com/")
    answer = await ada.post("/v1/webhooks", json={"url": "https://example.com/"})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_webhooks")


async def test_others_webhooks_are_not_there(ada: User, bob: User) -> None:
    made = await webhook(ada, "https://example.com/hook")
    path = f"/v1/webhooks/{made['id']}"
    assert (await bob.get("/v1/webhooks")).json()["data"] == []
    answers = [
        await bob.get(path),
        await bob.http.patch(path, json={}, headers=bob.headers),
        await bob.http.delete(path, headers=bob.headers),
        await bob.post(f"{path}/secret", json={}),
        await bob.post(f"{path}/test"),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert (await ada.http.delete(path, headers=ada.headers)).status_code == 204
    assert (await ada.get(path)).status_code == 404


async def test_deliveries_are_listed_in_pages(ada: User, receiver: Receiver) -> None:
    made = await webhook(ada, f"{receiver.url}/hook")
    sent = [(await ada.post(f"/v1/webhooks/{made['id']}/test")).json()["id"] for _ in range(5)]

    seen: list[str] = []
    cursor = ""
    while True:
        page = (await ada.get(f"/v1/deliveries?limit=2{cursor}")).json()
        seen += [delivery["id"] for delivery in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert seen == sent[::-1]
    assert (await ada.get("/v1/deliveries?cursor=%00")).status_code == 422
