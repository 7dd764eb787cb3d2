"""Mail, to a real SMTP server that wants TLS and a password, and what users choose of it."""

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from darkroom_api.database import open_pool
from darkroom_api.mail.digests import queue_digest
from darkroom_api.mail.settings import MailSettings
from darkroom_api.testing import Inbox, User, until

# Of a connection that is encrypted from its first byte, aiosmtpd does not know that it is.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

Environment = dict[str, str]
PASSWORD = "the server's password"


def allow(*given: Any) -> AuthResult:
    is_right = given[-1] == LoginPassword(b"darkroom", PASSWORD.encode())
    return AuthResult(success=is_right, handled=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of localhost that signs itself, and its key."""
    directory = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path, key_path = directory / "tls.crt", directory / "tls.key"
    path.write_bytes(made.public_bytes(Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
    return path, key_path


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture(params=["starttls"])
def security(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def smtp(inbox: Inbox, certificate: tuple[Path, Path], security: str) -> Iterator[Controller]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    how: dict[str, Any] = {"authenticator": allow, "auth_required": True}
    if security == "tls":
        how |= {"ssl_context": context, "auth_require_tls": False}
    elif security == "starttls":
        how |= {"tls_context": context, "require_starttls": True}
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port, **how)
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture
def environment(
    environment: Environment, smtp: Controller, certificate: tuple[Path, Path], security: str
) -> Environment:
    return environment | {
        "DARKROOM_PUBLIC_URL": "https://darkroom.example.com",
        "DARKROOM_MAIL__HOST": "localhost",
        "DARKROOM_MAIL__PORT": str(smtp.port),
        "DARKROOM_MAIL__SECURITY": security,
        "DARKROOM_MAIL__CA_FILE": str(certificate[0]),
        "DARKROOM_MAIL__USERNAME": "darkroom",
        "DARKROOM_MAIL__PASSWORD": PASSWORD,
        "DARKROOM_MAIL__SENDER": "Darkroom <media@example.com>",
    }


def queue(db: psycopg.Connection, template: str, values: dict[str, Any], number: int = 1) -> None:
    db.execute(
        """
        INSERT INTO deliveries (id, kind, lane, channel, recipient, type, body)
        SELECT 'mail-' || n, 'mail', 'mail', 'mail-' || n, 'ada' || n || '@example.com', %s, %s
        FROM generate_series(1, %s) AS n
        """,
        [template, json.dumps(values), number],
    )


def states(db: psycopg.Connection) -> list[tuple[str, str | None, str]]:
    rows = db.execute("SELECT status, error, body FROM deliveries ORDER BY position").fetchall()
    return [(status, error, body) for status, error, body in rows]


async def choose(user: User, **wanted: object) -> None:
    answer = await user.http.put("/v1/me/notifications", json=wanted, headers=user.headers)
    assert answer.status_code == 200, answer.text


def end(db: psycopg.Connection, task_id: str, status: str) -> None:
    error = {"code": "corrupt_image", "message": "<b>It ends early.</b>", "retryable": False}
    db.execute(
        "UPDATE tasks SET status = %s, finished_at = now(), error = %s WHERE id = %s",
        [status, json.dumps(error) if status == "failed" else None, task_id],
    )


@pytest.mark.parametrize("security", ["starttls", "tls"], indirect=True)
@pytest.mark.usefixtures("client")
async def test_mail_is_sent_over_tls_with_a_password(inbox: Inbox, db: psycopg.Connection) -> None:
    queue(db, "reset_password", {"token": "t0ken", "minutes": 30})

    await until(lambda: [state for state in states(db) if state[0] == "succeeded"])

    (mail,) = inbox.mails
    assert inbox.is_tls == [True]
    assert (mail["From"], mail["To"]) == ("Darkroom <media@example.com>", "ada1@example.com")
    assert (mail["Subject"], mail["Message-ID"]) == (
        "Choose a new password",
        "<mail-1@example.com>",
    )
    assert mail["List-Unsubscribe"] is None
    text, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text
    assert page
    assert "t0ken" in text.get_content()
    assert "t0ken" in page.get_content()
    assert "style=" in page.get_content()
    # The key that it carried is not kept.
    assert states(db) == [("succeeded", None, "{}")]


def test_a_password_is_not_sent_unencrypted() -> None:
    with pytest.raises(ValueError, match="over TLS only"):
        MailSettings(host="localhost", security="none", username="darkroom")


async def test_only_who_asked_for_it_gets_mail_about_tasks(
    ada: User, bob: User, inbox: Inbox, db: psycopg.Connection
) -> None:
    await choose(ada, on_failure=True)
    failed, succeeded = [(await ada.upload()).json()["id"] for _ in range(2)]
    of_bob = (await bob.upload()).json()["id"]
    for task_id, status in ((succeeded, "succeeded"), (of_bob, "failed"), (failed, "failed")):
        end(db, task_id, status)

    await until(lambda: inbox.mails)

    assert inbox.recipients == ["ada@example.com"]
    page, text = inbox.mails[0].get_body(("html",)), inbox.mails[0].get_body(("plain",))
    assert page
    assert text
    assert inbox.mails[0]["Subject"] == "Failed: photo.jpg"
    assert "&lt;b&gt;It ends early.&lt;/b&gt;" in page.get_content()
    assert f"https://darkroom.example.com/v1/tasks/{failed}" in text.get_content()


async def test_one_click_unsubscribes_and_looking_at_the_page_does_not(
    ada: User, inbox: Inbox, db: psycopg.Connection
) -> None:
    await choose(ada, on_success=True, on_failure=True)
    end(db, (await ada.upload()).json()["id"], "succeeded")
    await until(lambda: inbox.mails)
    mail = inbox.mails[0]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = mail["List-Unsubscribe"].strip("<>").replace("\r\n ", "")
    assert url.startswith("https://darkroom.example.com/v1/unsubscribe/")
    path = url.removeprefix("https://darkroom.example.com")

    shown = await ada.http.get(path)
    assert (shown.status_code, "<form" in shown.text) == (200, True)
    assert (await ada.get("/v1/me/notifications")).json()["on_success"] is True

    done = await ada.http.post(path, data={"List-Unsubscribe": "One-Click"})
    assert done.status_code == 200
    chosen = (await ada.get("/v1/me/notifications")).json()
    assert (chosen["on_success"], chosen["on_failure"], chosen["digest"]) == (False, False, "off")
    for forged in (path[:-6] + "AAAAA=", path[:-1], "/v1/unsubscribe/%00", "/v1/unsubscribe/é"):
        assert (await ada.http.post(forged)).status_code == 404


async def test_the_digest_comes_once_at_its_hour_and_says_what_ended(
    ada: User, inbox: Inbox, db: psycopg.Connection, database_url: str
) -> None:
    await choose(ada, digest="daily", digest_hour=8, timezone="Europe/Berlin")
    for status in ("succeeded", "succeeded", "failed"):
        end(db, (await ada.upload()).json()["id"], status)
    later = datetime.now(UTC) + timedelta(days=1)
    async with open_pool(database_url, connections=2) as pool:
        assert [await queue_digest(pool, later) for _ in range(2)] == [True, False]
        assert await queue_digest(pool, later + timedelta(days=1)) is True

    await until(lambda: inbox.mails)
    await until(lambda: [s for s in states(db) if s[0] == "succeeded"])
    text = inbox.mails[0].get_body(("plain",))
    assert text
    assert inbox.mails[0]["Subject"] == "Your tasks: 3 ended"
    assert "succeeded: 2" in text.get_content()
    assert "failed: 1" in text.get_content()
    assert "It ends early." in text.get_content()
    # Of a day on which nothing ended there is none.
    assert len(states(db)) == 1


@pytest.mark.usefixtures("client")
async def test_a_batch_goes_by_one_connection(inbox: Inbox, db: psycopg.Connection) -> None:
    queue(db, "password_changed", {}, number=30)

    await until(lambda: len(inbox.mails) == 30)

    assert len(inbox.connections) == 1


class TestRates:
    @pytest.fixture
    def environment(self, environment: Environment) -> Environment:
        return environment | {"DARKROOM_MAIL__BATCH": "5", "DARKROOM_MAIL__PER_MINUTE": "6"}

    @pytest.mark.usefixtures("client")
    async def test_no_more_is_sent_than_the_rate_allows(
        self, inbox: Inbox, db: psycopg.Connection
    ) -> None:
        queue(db, "password_changed", {}, number=8)
        await until(lambda: len(inbox.mails) == 5)

        row = db.execute("SELECT held_until - now() FROM delivery_lanes").fetchone()
        assert row
        assert timedelta(seconds=40) < row[0] <= timedelta(seconds=50)
        db.execute("UPDATE delivery_lanes SET held_until = now()")
        await until(lambda: len(inbox.mails) == 8)


@pytest.mark.usefixtures("client")
async def test_an_address_that_is_refused_is_not_tried_again_and_others_are_sent(
    inbox: Inbox, db: psycopg.Connection
) -> None:
    inbox.refusals = {"ada1@example.com": "550 no such user", "ada2@example.com": "450 come again"}
    queue(db, "reset_password", {"token": "t0ken", "minutes": 30}, number=3)

    await until(lambda: inbox.mails and states(db)[1][1])

    await until(lambda: states(db)[2][0] == "succeeded")
    refused, put_off, _ = states(db)
    assert (refused[0], refused[2]) == ("failed", "{}")
    assert "550" in (refused[1] or "")
    assert (put_off[0], "450" in (put_off[1] or "")) == ("pending", True)
    assert inbox.recipients == ["ada3@example.com"]


class TestAway:
    @pytest.fixture
    def environment(self, environment: Environment) -> Environment:
        return environment | {"DARKROOM_MAIL__PASSWORD": "not the password"}

    @pytest.mark.usefixtures("client")
    async def test_a_server_that_does_not_take_mail_is_left_alone_for_a_while(
        self, inbox: Inbox, db: psycopg.Connection
    ) -> None:
        queue(db, "reset_password", {"token": "t0ken", "minutes": 30}, number=3)

        await until(lambda: states(db)[0][1])

        row = db.execute("SELECT held_until > now(), holds FROM delivery_lanes").fetchone()
        assert row == (True, 1)
        assert [state[0] for state in states(db)] == ["pending"] * 3
        attempts = db.execute("SELECT sum(attempts) FROM deliveries").fetchone()
        assert attempts == (1,)
        assert inbox.mails == []


class TestUnknownCertificates:
    @pytest.fixture
    def environment(self, environment: Environment) -> Environment:
        return {k: v for k, v in environment.items() if k != "DARKROOM_MAIL__CA_FILE"}

    @pytest.mark.usefixtures("client")
    async def test_a_server_that_cannot_prove_who_it_is_gets_no_mail(
        self, inbox: Inbox, db: psycopg.Connection
    ) -> None:
        queue(db, "reset_password", {"token": "t0ken", "minutes": 30})
        await until(lambda: states(db)[0][1])
        assert "certificate" in (states(db)[0][1] or "").lower()
        assert inbox.mails == []


class TestPreview:
    @pytest.fixture
    def environment(self, environment: Environment) -> Environment:
        return environment | {"DARKROOM_MAIL__PREVIEW": "true"}

    async def test_mail_is_only_looked_at_by_admins(
        self, ada: User, admin: User, inbox: Inbox, db: psycopg.Connection
    ) -> None:
        queue(db, "reset_password", {"token": "<t0ken>", "minutes": 30})
        await until(lambda: states(db)[0][0] == "previewed")

        listed = (await admin.get("/v1/admin/mails")).json()["data"]
        assert [(mail["to"], mail["status"]) for mail in listed] == [
            ("ada1@example.com", "previewed")
        ]
        page = await admin.get(f"/v1/admin/mails/{listed[0]['id']}/page")
        assert (page.status_code, "&lt;t0ken&gt;" in page.text) == (200, True)
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        for path in ("/v1/admin/mails", f"/v1/admin/mails/{listed[0]['id']}/page"):
            assert (await ada.get(path)).status_code == 403
        assert inbox.mails == []


@pytest.mark.parametrize(
    "template",
    [
        *("reset_password", "verify_email", "password_changed"),
        *("task_finished", "digest", "webhook_disabled"),
    ],
)
async def test_every_template_can_be_looked_at_without_a_mail(
    ada: User, admin: User, template: str
) -> None:
    path = f"/v1/admin/mail-templates/{template}"
    page = await admin.get(path)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    text = await admin.get(f"{path}?kind=text")
    assert text.text.startswith("Subject: ")
    assert (await ada.get(path)).status_code == 403
    assert (await admin.get(f"{path}x")).status_code == 422


@pytest.mark.parametrize(
    "wrong",
    [
        {"timezone": "Mars/Olympus"},
        {"timezone": "../../etc/passwd"},
        {"timezone": "\u0000"},
        {"digest_hour": 24},
        {"digest": "hourly"},
        {"on_everything": True},
    ],
)
async def test_odd_wishes_are_refused(ada: User, wrong: dict[str, Any]) -> None:
    answer = await ada.http.put("/v1/me/notifications", json=wrong, headers=ada.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
