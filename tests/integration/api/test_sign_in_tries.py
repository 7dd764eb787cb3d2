"""Guessing passwords is slow, and nobody is locked out by others."""

import asyncio

import httpx2
import psycopg
import pytest
from darkroom_api.auth.sign_in_tries import forgive, take_try
from darkroom_api.database import open_pool
from darkroom_api.errors import SignInBlockedError
from darkroom_api.testing import User, register

EMAIL, PASSWORD = "ada@example.com", "a long enough password"


async def answer(client: httpx2.AsyncClient, email: str, password: str) -> httpx2.Response:
    return await client.post("/v1/auth/token", json={"email": email, "password": password})


async def test_after_five_wrong_passwords_even_the_right_one_has_to_wait(
    client: httpx2.AsyncClient, ada: User, db: psycopg.Connection
) -> None:
    assert ada
    for _ in range(5):
        assert (await answer(client, EMAIL, "wrong")).status_code == 401
    refused = await answer(client, EMAIL, PASSWORD)
    assert (refused.status_code, refused.json()["code"]) == (429, "sign_in_blocked")
    assert 1 <= int(refused.headers["retry-after"]) <= 2

    db.execute("UPDATE sign_in_tries SET blocked_until = now()")
    assert (await answer(client, EMAIL, PASSWORD)).status_code == 200
    for _ in range(5):
        assert (await answer(client, EMAIL, "wrong")).status_code == 401


async def test_an_address_that_nobody_has_is_slowed_down_alike(client: httpx2.AsyncClient) -> None:
    statuses = [(await answer(client, "no@example.com", "wrong")).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]


async def test_many_who_sign_in_from_one_address_are_no_guessers(
    client: httpx2.AsyncClient,
) -> None:
    await register(client, EMAIL)
    for _ in range(40):
        assert (await answer(client, EMAIL, PASSWORD)).status_code == 200


async def test_a_password_of_ones_own_buys_no_more_guesses(
    client: httpx2.AsyncClient, ada: User
) -> None:
    assert ada
    statuses = []
    for number in range(32):
        statuses.append((await answer(client, f"user{number}@example.com", "wrong")).status_code)
        if statuses[-1] == 401:
            assert (await answer(client, EMAIL, PASSWORD)).status_code in {200, 429}
    assert statuses == [401] * 30 + [429] * 2


async def test_free_tries_at_the_same_time_are_all_free(database_url: str) -> None:
    async with open_pool(database_url, connections=5) as pool:

        async def one() -> None:
            async with pool.connection() as connection:
                await take_try(connection, email=EMAIL, address="192.0.2.1")

        await asyncio.gather(*(one() for _ in range(4)))
        # Its first one was free of the wait that it brings.
        await one()
        with pytest.raises(SignInBlockedError):
            await one()


async def test_strangers_everywhere_slow_down_strangers_and_not_the_user_at_home(
    database_url: str, client: httpx2.AsyncClient, ada: User, db: psycopg.Connection
) -> None:
    assert client
    assert ada
    db.execute("UPDATE sessions SET address = '192.0.2.1'")
    async with open_pool(database_url, connections=2) as pool, pool.connection() as connection:
        for number in range(20):
            await take_try(connection, email=EMAIL, address=f"198.51.100.{number}")
        with pytest.raises(SignInBlockedError):
            await take_try(connection, email=EMAIL, address="198.51.100.20")
        await take_try(connection, email=EMAIL, address="192.0.2.1")


async def test_a_right_password_is_taken_back_and_what_others_tried_is_not(
    database_url: str, db: psycopg.Connection
) -> None:
    async with open_pool(database_url, connections=2) as pool, pool.connection() as connection:
        await take_try(connection, email="bob@example.com", address="192.0.2.1")
        for _ in range(2):
            await take_try(connection, email=EMAIL, address="192.0.2.1")
        await forgive(connection, email=EMAIL, address="192.0.2.1")
    rows = db.execute("SELECT subject, tries FROM sign_in_tries ORDER BY subject").fetchall()
    assert dict(rows) == {
        "account bob@example.com from 192.0.2.1": 1,
        "account bob@example.com from elsewhere": 1,
        "address 192.0.2.1": 2,
    }
