"""The outbox under faults: processes that are killed, several replicas, and addresses inside."""

import asyncio
import json
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from ipaddress import ip_address
from typing import Any

import httpx2
import psycopg
import pytest
from darkroom_api.app import create_app
from darkroom_api.settings import Settings
from darkroom_api.testing import FakeCluster, User, client_of, register, sign_in, until
from darkroom_api.testing.receiver import Receiver, Told
from darkroom_api.webhooks.settings import WebhookSettings
from darkroom_api.webhooks.wire import open_wire

Environment = dict[str, str]
Served = tuple[str, subprocess.Popen[bytes]]


@pytest.fixture
def environment(environment: Environment) -> Environment:
    return environment | {
        "DARKROOM_WEBHOOKS__ALLOW_HTTP": "true",
        "DARKROOM_WEBHOOKS__ALLOWED_NETWORKS": "127.0.0.1/32",
        "DARKROOM_WEBHOOKS__CONCURRENCY_PER_RECEIVER": "2",
    }


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as receiver:
        yield receiver


async def subscribe(user: User, url: str, *types: str) -> str:
    answer = await user.post("/v1/webhooks", json={"url": url, "types": list(types)})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def finish(db: psycopg.Connection, *task_ids: str) -> None:
    for task_id in task_ids:
        db.execute(
            "UPDATE tasks SET status = 'succeeded', finished_at = now() WHERE id = %s", [task_id]
        )


def told(receiver: Receiver, path: str = "/hook") -> Counter[tuple[str, str]]:
    bodies = [json.loads(received.body) for received in receiver.at(path)]
    return Counter((body["data"]["id"], body["type"]) for body in bodies)


async def test_what_a_killed_process_was_sending_is_sent_by_another_replica(
    served: Served,
    settings: Settings,
    receiver: Receiver,
    db: psycopg.Connection,
) -> None:
    receiver.answers["/hook"] = Told(hangs=True)
    async with httpx2.AsyncClient(base_url=served[0], timeout=60) as http:
        ada = await register(http, "ada@example.com")
        await subscribe(ada, f"{receiver.url}/hook", "task.succeeded")
        task_id = (await ada.upload()).json()["id"]
        finish(db, task_id)
        await until(lambda: receiver.received)
        served[1].kill()
        served[1].wait()

    row = db.execute("SELECT id, status, due_at > now() FROM deliveries").fetchone()
    assert row
    assert row[1:] == ("pending", True), "it is claimed, and nobody works on it"
    assert len(receiver.received) == 1
    receiver.answers.clear()

    async with client_of(create_app(settings, open_cluster=FakeCluster().opened)):
        # The lease is not over: nobody else sends it.
        await asyncio.sleep(1.2)
        assert len(receiver.received) == 1
        db.execute("UPDATE deliveries SET due_at = due_at - interval '1 minute'")
        await until(lambda: len(receiver.received) == 2)
        await until(
            lambda: db.execute("SELECT FROM deliveries WHERE status = 'succeeded'").fetchall()
        )

    assert {r.headers["webhook-id"] for r in receiver.received} == {row[0]}
    assert receiver.received[0].body == receiver.received[1].body


async def test_events_that_happen_while_no_replica_runs_are_told_later(
    settings: Settings, receiver: Receiver, db: psycopg.Connection
) -> None:
    async with client_of(create_app(settings, open_cluster=FakeCluster().opened)) as http:
        ada = await register(http, "ada@example.com")
        await subscribe(ada, f"{receiver.url}/hook", "task.succeeded")
        task_ids = [(await ada.upload()).json()["id"] for _ in range(3)]
    finish(db, *task_ids)
    assert not receiver.received

    async with client_of(create_app(settings, open_cluster=FakeCluster().opened)):
        await until(lambda: len(receiver.received) == 3)

    assert told(receiver) == Counter((task_id, "task.succeeded") for task_id in task_ids)


async def test_replicas_share_the_work_and_each_event_is_told_once_and_in_order(
    settings: Settings, receiver: Receiver, db: psycopg.Connection
) -> None:
    async with AsyncExitStack() as stack:
        replicas = [
            await stack.enter_async_context(
                client_of(create_app(settings, open_cluster=FakeCluster().opened))
            )
            for _ in range(3)
        ]
        ada = await register(replicas[0], "ada@example.com")
        await subscribe(ada, f"{receiver.url}/hook", "task.started", "task.succeeded")
        task_ids = [(await ada.upload()).json()["id"] for _ in range(20)]
        db.execute("UPDATE tasks SET status = 'running'")
        finish(db, *task_ids)
        await until(lambda: len(receiver.received) >= 40)
        await until(
            lambda: not db.execute("SELECT FROM deliveries WHERE status = 'pending'").fetchall()
        )

    expected = {(t, kind) for t in task_ids for kind in ("task.started", "task.succeeded")}
    assert told(receiver) == Counter(expected)
    bodies = [json.loads(received.body) for received in receiver.received]
    for task_id in task_ids:
        types = [body["type"] for body in bodies if body["data"]["id"] == task_id]
        assert types == ["task.started", "task.succeeded"]


async def test_a_transaction_that_ends_late_is_not_skipped(
    ada: User, receiver: Receiver, db: psycopg.Connection, database_url: str
) -> None:
    await subscribe(ada, f"{receiver.url}/hook", "task.succeeded")
    late, early = [(await ada.upload()).json()["id"] for _ in range(2)]
    with psycopg.connect(database_url) as other:
        finish(other, late)
        finish(db, early)
        other.commit()

    await until(lambda: len(receiver.received) == 2)

    assert told(receiver) == Counter([(late, "task.succeeded"), (early, "task.succeeded")])


async def test_a_database_that_was_restored_elsewhere_is_read_on(
    ada: User, receiver: Receiver, db: psycopg.Connection
) -> None:
    await subscribe(ada, f"{receiver.url}/hook", "task.succeeded")
    task_id = (await ada.upload()).json()["id"]
    # As if the server that wrote this had had many more transactions.
    db.execute("UPDATE outbox_position SET xid = '4000000000', id = 9")
    finish(db, task_id)

    await until(lambda: receiver.received)

    assert told(receiver) == Counter([(task_id, "task.succeeded")])


async def test_progress_that_nobody_was_told_yet_is_told_once(
    ada: User, receiver: Receiver, db: psycopg.Connection
) -> None:
    receiver.answers["/hook"] = Told(500)
    await subscribe(ada, f"{receiver.url}/hook", "task.started", "task.progress")
    task_id = (await ada.upload()).json()["id"]
    db.execute("UPDATE tasks SET status = 'running'")
    await until(lambda: db.execute("SELECT FROM delivery_attempts").fetchall())
    for percent in range(10, 100, 10):
        db.execute("UPDATE tasks SET progress = %s WHERE id = %s", [percent, task_id])
        await asyncio.sleep(0.02)
    # A later event passes by what is made in order: then all of the progress was read.
    db.execute("UPDATE tasks SET cancel_requested_at = now() WHERE id = %s", [task_id])

    def types() -> list[str]:
        rows = db.execute("SELECT type FROM deliveries ORDER BY position").fetchall()
        return [row[0] for row in rows]

    await until(lambda: "task.progress" in types())
    assert types().count("task.progress") == 1


async def test_deliveries_are_counted(
    ada: User, receiver: Receiver, db: psycopg.Connection
) -> None:
    await subscribe(ada, f"{receiver.url}/hook", "task.succeeded")
    finish(db, (await ada.upload()).json()["id"])

    async def counted() -> bool:
        page = (await ada.http.get("/metrics")).text
        return 'darkroom_webhook_deliveries_total{result="succeeded"} 1.0' in page

    await until(counted)


async def test_what_ended_long_ago_is_forgotten(
    ada: User, settings: Settings, receiver: Receiver, db: psycopg.Connection
) -> None:
    await subscribe(ada, f"{receiver.url}/hook", "task.succeeded")
    finish(db, (await ada.upload()).json()["id"])
    await until(lambda: db.execute("SELECT FROM deliveries WHERE status <> 'pending'").fetchall())
    db.execute("UPDATE deliveries SET finished_at = now() - interval '31 days'")

    # Whoever starts keeps house first.
    async with client_of(create_app(settings, open_cluster=FakeCluster().opened)):
        await until(lambda: not db.execute("SELECT FROM deliveries").fetchall())


class TestGuard:
    """No receiver is inside, whatever its name resolves to, at the moment of each connection."""

    @pytest.fixture
    def inner(self) -> Iterator[Receiver]:
        with Receiver().running() as receiver:
            yield receiver

    @pytest.mark.parametrize(
        "host",
        [
            *("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0.0.0.0"),
            *("[::1]", "[::ffff:127.0.0.1]", "[::]", "[64:ff9b::7f00:1]"),
        ],
    )
    async def test_inner_addresses_in_every_spelling_are_refused(
        self, inner: Receiver, host: str
    ) -> None:
        async with open_wire(WebhookSettings(allow_http=True)) as wire:
            answer = await wire.post(f"http://{host}:{inner.server_address[1]}/", b"{}", {})

        assert answer.status is None
        assert answer.error
        assert inner.received == []

    @pytest.mark.parametrize(
        "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "fd00:ec2::254", "100.64.0.1"]
    )
    async def test_a_public_name_that_resolves_to_an_inner_address_is_refused_when_connecting(
        self, monkeypatch: pytest.MonkeyPatch, address: str
    ) -> None:
        family = socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6
        looked_up: list[str] = []

        async def resolve(_loop: object, host: Any, port: int, **_: object) -> list[Any]:
            looked_up.append(str(host))
            more = (0, 0) if family == socket.AF_INET6 else ()
            return [(family, socket.SOCK_STREAM, 6, "", (address, port, *more))]

        monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", resolve)
        async with open_wire(WebhookSettings()) as wire:
            for _ in range(2):
                answer = await wire.post("https://hooks.example.com/", b"{}", {})
                assert answer.error == f"{address} is not on the public internet"

        assert looked_up == ["hooks.example.com"] * 2, "each try looks again"

    async def test_unencrypted_urls_are_refused_where_they_are_not_allowed(
        self, inner: Receiver
    ) -> None:
        settings = WebhookSettings(allowed_networks="127.0.0.0/8")
        async with open_wire(settings) as wire:
            answer = await wire.post(inner.url, b"{}", {})
        assert answer.error == "webhooks go to https:// URLs only"
        assert inner.received == []

    async def test_networks_that_are_allowed_are_reached(self, inner: Receiver) -> None:
        settings = WebhookSettings(allow_http=True, allowed_networks="10.0.0.0/8,127.0.0.1/32")
        async with open_wire(settings) as wire:
            answer = await wire.post(inner.url, b"{}", {})
        assert (answer.status, answer.error) == (204, None)

    async def test_no_proxy_of_the_environment_is_asked(
        self, inner: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, inner.url)
        async with open_wire(WebhookSettings(allow_http=True)) as wire:
            answer = await wire.post("http://192.0.2.1/", b"{}", {})
        assert answer.error == "192.0.2.1 is not on the public internet"
        assert inner.received == []


async def test_an_admin_sees_no_webhooks_of_others(
    ada: User, client: httpx2.AsyncClient, receiver: Receiver
) -> None:
    endpoint = await subscribe(ada, f"{receiver.url}/hook", "*")
    admin = await sign_in(client, "admin@darkroom.internal", "the admin's password")
    assert (await admin.get(f"/v1/webhooks/{endpoint}")).status_code == 404
