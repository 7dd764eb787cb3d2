"""`darkroom-api create-admin` as a command: from flags, the environment, and a terminal."""

import os
import pty
import subprocess
import sys
import time

import httpx2
import psycopg
import pytest
from darkroom_api.testing import register, sign_in, until

PASSWORD = "not to be shown anywhere"
COMMAND = [sys.executable, "-m", "darkroom_api", "create-admin"]


def run(
    database_url: str, *arguments: str, text: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env={"PATH": os.environ["PATH"], "DARKROOM_DATABASE_URL": database_url, **more},
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


def role(db: psycopg.Connection, email: str) -> str | None:
    row = db.execute("SELECT role FROM users WHERE email = %s", [email]).fetchone()
    return str(row[0]) if row else None


async def test_the_environment_makes_an_admin_who_can_sign_in(
    client: httpx2.AsyncClient, database_url: str
) -> None:
    done = run(
        database_url, DARKROOM_ADMIN_EMAIL="Grace@Example.com", DARKROOM_ADMIN_PASSWORD=PASSWORD
    )
    assert (done.returncode, done.stdout) == (0, "grace@example.com is an admin now\n")
    grace = await sign_in(client, "grace@example.com", PASSWORD)
    assert (await grace.get("/v1/me")).json()["role"] == "admin"


async def test_a_user_becomes_an_admin_and_keeps_what_is_theirs(
    client: httpx2.AsyncClient, database_url: str, db: psycopg.Connection
) -> None:
    ada = await register(client, "ada@example.com")
    before = (await ada.get("/v1/me")).json()["id"]
    done = run(database_url, "--email", "ada@example.com", "--password-stdin", text=PASSWORD + "\n")
    assert "was a user already" in done.stdout
    assert role(db, "ada@example.com") == "admin"
    assert (await (await sign_in(client, "ada@example.com", PASSWORD)).get("/v1/me")).json()[
        "id"
    ] == before


async def test_an_admin_who_was_shut_out_gets_in_again_and_others_with_the_old_password_do_not(
    client: httpx2.AsyncClient, database_url: str, db: psycopg.Connection
) -> None:
    ada = await register(client, "ada@example.com")
    db.execute("UPDATE users SET disabled_at = now() WHERE email = 'ada@example.com'")
    run(database_url, "--email", "ada@example.com", "--password-stdin", text=PASSWORD + "\n")
    assert (await sign_in(client, "ada@example.com", PASSWORD)).headers
    live = db.execute("SELECT count(*) FROM sessions WHERE ended_at IS NULL").fetchone()
    assert live == (1,)

    async def is_out() -> bool:
        return (await ada.get("/v1/me")).status_code == 401

    await until(is_out)


@pytest.mark.parametrize(
    ("email", "password", "told"),
    [
        ("nobody", PASSWORD, "email: "),
        ("a@example.com", "short", "password: "),
        ("a@example.com", "aaaaaaaaaaaaaa", "password: "),
    ],
)
def test_what_is_no_address_or_password_is_refused_without_showing_it(
    database_url: str, db: psycopg.Connection, email: str, password: str, told: str
) -> None:
    done = run(database_url, "--email", email, "--password-stdin", text=password)
    assert done.returncode == 1
    assert told in done.stderr
    assert password not in done.stderr
    assert role(db, email) is None


def test_without_a_terminal_it_says_where_a_password_may_come_from(database_url: str) -> None:
    done = run(database_url, "--email", "a@example.com")
    assert (done.returncode, "--password-stdin" in done.stderr) == (1, True)
    assert "DARKROOM_ADMIN_EMAIL" in run(database_url).stderr


def test_a_postgres_that_is_away_is_one_sentence() -> None:
    done = run(
        "postgresql://darkroom@127.0.0.1:9/x",
        "--email=a@example.com",
        "--password-stdin",
        text=PASSWORD,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("darkroom-api: Postgres does not answer")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("second", "code"), [(PASSWORD, 0), ("another one entirely", 1)])
def test_at_a_terminal_the_password_is_asked_for_twice_and_never_shown(
    database_url: str, db: psycopg.Connection, second: str, code: int
) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        COMMAND,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={"PATH": os.environ["PATH"], "DARKROOM_DATABASE_URL": database_url},
        start_new_session=True,
    )
    os.close(theirs)
    screen = b""
    for prompt, answer in ((b"E-mail: ", "eve@example.com"), (b"Password: ", PASSWORD)):
        screen += read_until(ours, prompt)
        os.write(ours, answer.encode() + b"\n")
    screen += read_until(ours, b"Once more: ")
    os.write(ours, second.encode() + b"\n")
    screen += read_until(ours, b"an admin now" if code == 0 else b"differ")
    os.close(ours)

    assert process.wait(30) == code
    assert PASSWORD.encode() not in screen
    assert role(db, "eve@example.com") == (None if code else "admin")


def read_until(terminal: int, expected: bytes) -> bytes:
    """Return what is shown up to the prompt; getpass has turned the echo off by then."""
    screen, deadline = b"", time.monotonic() + 20
    while expected not in screen and time.monotonic() < deadline:
        screen += os.read(terminal, 4096)
    return screen
