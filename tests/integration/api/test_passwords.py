"""Passwords that are changed or forgotten, and addresses that are proven, by mail that arrives."""

import asyncio
import itertools
import re
import socket
from collections.abc import Iterator
from contextlib import closing

import httpx2
import psycopg
import pytest
from aiosmtpd.controller import Controller
from darkroom_api.app import create_app
from darkroom_api.auth.one_time_tokens import MOST_AT_ONCE
from darkroom_api.settings import Settings
from darkroom_api.testing import FakeCluster, Inbox, User, client_of, register, sign_in, until

Environment = dict[str, str]
EMAIL, OLD, NEW = "ada@example.com", "a long enough password", "another long password"
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def smtp(inbox: Inbox) -> Iterator[Controller]:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture
def environment(environment: Environment, smtp: Controller) -> Environment:
    return environment | {
        "DARKROOM_MAIL__HOST": "127.0.0.1",
        "DARKROOM_MAIL__PORT": str(smtp.port),
        "DARKROOM_MAIL__SECURITY": "none",
        "DARKROOM_MAIL__SENDER": "Darkroom <media@example.com>",
    }


async def post(client: httpx2.AsyncClient, path: str, **body: str) -> httpx2.Response:
    return await client.post(f"/v1/auth/{path}", json=body)


async def mailed_token(inbox: Inbox, subject: str, number: int = 1) -> str:
    """The token of the newest mail, once there are so many about this."""

    def found() -> list[str]:
        texts = [
            body.get_content()
            for mail in inbox.mails
            if mail["Subject"] == subject and (body := mail.get_body(("plain",)))
        ]
        return texts if len(texts) == number else []

    match = TOKEN.search((await until(found))[-1])
    assert match
    return match[0]


async def status(client: httpx2.AsyncClient, password: str) -> int:
    return (await post(client, "token", email=EMAIL, password=password)).status_code


def an_hour_passes(db: psycopg.Connection) -> None:
    db.execute("UPDATE one_time_tokens SET created_at = created_at - interval '1 hour'")


async def test_a_new_password_ends_all_other_sessions_and_is_told_by_mail(
    client: httpx2.AsyncClient, ada: User, inbox: Inbox
) -> None:
    other = await sign_in(client, EMAIL, OLD)
    body = {"current_password": OLD, "new_password": NEW}

    assert (await ada.post("/v1/auth/password/change", json=body)).status_code == 204

    assert (await ada.get("/v1/me")).status_code == 200
    assert (await other.get("/v1/me")).status_code == 401
    assert (await status(client, OLD), await status(client, NEW)) == (401, 200)
    await until(lambda: [mail for mail in inbox.mails if mail["To"] == EMAIL])


async def test_a_password_is_changed_by_who_knows_it_alone_and_to_a_good_one(
    client: httpx2.AsyncClient, ada: User
) -> None:
    for body, expected in (
        ({"current_password": "wrong", "new_password": NEW}, 401),
        ({"current_password": OLD, "new_password": EMAIL}, 422),
        ({"current_password": OLD, "new_password": "short"}, 422),
    ):
        answer = await ada.post("/v1/auth/password/change", json=body)
        assert answer.status_code == expected, answer.text
    assert await status(client, OLD) == 200


async def test_changing_it_again_and_again_is_no_guessing(ada: User) -> None:
    passwords = [OLD, *(f"{NEW} {number}" for number in range(7))]
    for old, new in itertools.pairwise(passwords):
        body = {"current_password": old, "new_password": new}
        assert (await ada.post("/v1/auth/password/change", json=body)).status_code == 204


async def test_a_forgotten_password_is_set_anew_once_and_ends_all_sessions(
    client: httpx2.AsyncClient, ada: User, inbox: Inbox, db: psycopg.Connection
) -> None:
    assert (await post(client, "password/forgot", email="Ada@Example.com")).status_code == 202
    token = await mailed_token(inbox, "Choose a new password")

    refused = await post(client, "password/reset", token=token, new_password=EMAIL)
    assert refused.status_code == 422
    assert (await post(client, "password/reset", token=token, new_password=NEW)).status_code == 204

    assert (await ada.get("/v1/me")).status_code == 401
    assert (await status(client, OLD), await status(client, NEW)) == (401, 200)
    again = await post(client, "password/reset", token=token, new_password=OLD)
    assert (again.status_code, again.json()["code"]) == (422, "mailed_token")
    types = {row[0] for row in db.execute("SELECT type FROM audit_events").fetchall()}
    assert {"password.reset_asked", "password.reset"} <= types


async def test_asking_again_neither_floods_a_mailbox_nor_spoils_what_is_in_it(
    client: httpx2.AsyncClient, ada: User, inbox: Inbox, db: psycopg.Connection
) -> None:
    assert ada
    await asyncio.gather(*(post(client, "password/forgot", email=EMAIL) for _ in range(4)))
    first = await mailed_token(inbox, "Choose a new password")
    for number in range(2, MOST_AT_ONCE + 3):
        an_hour_passes(db)
        await post(client, "password/forgot", email=EMAIL)
        await mailed_token(inbox, "Choose a new password", min(number, MOST_AT_ONCE))

    assert (await post(client, "password/reset", token=first, new_password=NEW)).status_code == 204
    assert db.execute("SELECT count(*) FROM one_time_tokens").fetchone() == (0,)


async def test_nobody_learns_who_has_an_account(
    client: httpx2.AsyncClient, ada: User, inbox: Inbox, db: psycopg.Connection
) -> None:
    assert ada
    db.execute("UPDATE users SET disabled_at = now() WHERE email = %s", [EMAIL])
    for path in ("password/forgot", "email/verification"):
        answers = [
            await post(client, path, email=email)
            for email in (EMAIL, "nobody@example.com", "not an address")
        ]
        assert len({(answer.status_code, answer.text) for answer in answers}) == 1
    assert db.execute("SELECT count(*) FROM deliveries").fetchone() == (0,)
    assert inbox.mails == []


async def test_a_token_is_good_for_its_purpose_its_time_and_its_address(
    client: httpx2.AsyncClient, ada: User, inbox: Inbox, db: psycopg.Connection
) -> None:
    assert ada
    await post(client, "password/forgot", email=EMAIL)
    token = await mailed_token(inbox, "Choose a new password")
    assert (await post(client, "email/verify", token=token)).status_code == 422
    for spoiled, mended in (
        (
            "UPDATE users SET email = 'x@example.com' WHERE email = 'ada@example.com'",
            "UPDATE users SET email = 'ada@example.com' WHERE email = 'x@example.com'",
        ),
        ("UPDATE users SET disabled_at = now()", "UPDATE users SET disabled_at = NULL"),
        ("UPDATE one_time_tokens SET expires_at = now()", "DELETE FROM one_time_tokens"),
    ):
        db.execute(spoiled)
        refused = await post(client, "password/reset", token=token, new_password=NEW)
        assert refused.status_code == 422
        db.execute(mended)
    assert await status(client, OLD) == 200


async def test_a_password_set_anew_lets_its_user_in_where_strangers_had_used_up_the_tries(
    client: httpx2.AsyncClient, ada: User, inbox: Inbox, db: psycopg.Connection
) -> None:
    assert ada
    db.execute(
        """
        INSERT INTO sign_in_tries (subject, tries, blocked_until)
        VALUES ('account ada@example.com from elsewhere', 40, now() + interval '15 minutes')
        """
    )
    db.execute("UPDATE sessions SET address = '198.51.100.9'")
    assert await status(client, OLD) == 429
    await post(client, "password/forgot", email=EMAIL)
    token = await mailed_token(inbox, "Choose a new password")

    assert (await post(client, "password/reset", token=token, new_password=NEW)).status_code == 204

    assert await status(client, NEW) == 200


async def test_where_addresses_are_proven_nobody_signs_in_before(
    settings: Settings, cluster: FakeCluster, inbox: Inbox
) -> None:
    strict = settings.model_copy(update={"email_verification": True})
    async with client_of(create_app(strict, open_cluster=cluster.opened)) as client:
        for _ in range(2):
            answer = await post(client, "register", email=EMAIL, password=OLD)
            assert (answer.status_code, answer.json()["email"]) == (202, EMAIL)
        refused = await post(client, "token", email=EMAIL, password=OLD)
        assert (refused.status_code, refused.json()["code"]) == (403, "email_not_verified")
        token = await mailed_token(inbox, "Confirm your e-mail address")

        assert (await post(client, "email/verify", token=token)).status_code == 204

        user = await sign_in(client, EMAIL, OLD)
        assert (await user.get("/v1/me")).json()["email_verified"] is True
        assert (await post(client, "email/verify", token=token)).status_code == 422


async def test_an_address_that_is_proven_later_is_asked_for_once_more(
    client: httpx2.AsyncClient, inbox: Inbox
) -> None:
    user = await register(client, EMAIL)
    assert (await post(client, "email/verification", email=EMAIL)).status_code == 202
    token = await mailed_token(inbox, "Confirm your e-mail address")
    assert (await post(client, "email/verify", token=token)).status_code == 204
    assert (await user.get("/v1/me")).json()["email_verified"] is True
