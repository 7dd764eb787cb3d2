"""Access tokens of an OpenID provider, which is a real one on 127.0.0.1."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from darkroom_api.app import create_app
from darkroom_api.errors import UnauthorizedError, UnavailableError
from darkroom_api.oidc.provider import Provider
from darkroom_api.oidc.settings import OidcSettings
from darkroom_api.settings import Settings
from darkroom_api.testing import FakeCluster, User, client_of
from darkroom_api.testing.oidc_provider import AUDIENCE, CLIENT, OidcProvider


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with OidcProvider().running() as provider:
        yield provider


@pytest.fixture
async def client(
    settings: Settings, cluster: FakeCluster, provider: OidcProvider
) -> AsyncIterator[httpx2.AsyncClient]:
    oidc = OidcSettings(issuer=provider.issuer, audience=AUDIENCE, client_id=CLIENT)
    app = create_app(settings.model_copy(update={"oidc": oidc}), open_cluster=cluster.opened)
    async with client_of(app) as client:
        yield client


async def ask(client: httpx2.AsyncClient, token: str) -> httpx2.Response:
    return await client.get("/v1/tasks", headers={"Authorization": f"Bearer {token}"})


async def test_a_token_of_the_provider_lets_its_user_in(
    client: httpx2.AsyncClient, provider: OidcProvider
) -> None:
    assert (await ask(client, provider.token())).status_code == 200
    headers = {"Authorization": f"Bearer {provider.token()}"}
    me = (await client.get("/v1/me", headers=headers)).json()
    assert (me["email"], me["role"]) == ("ada@example.com", "user")
    task = await User(client, headers).upload()
    assert task.status_code == 202


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "https://other.example.com"},
        {"aud": CLIENT},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "a\0b"},
        {"nbf": 4_102_444_800},
        {"header": {"typ": "logout+jwt"}},
        {"header": {"kid": "unknown"}},
        {"header": {"kid": None}},
        {"header": {"crit": ["exp"]}},
        {"algorithm": "PS256"},
        {"algorithm": "RS384"},
    ],
    ids=str,
)
async def test_a_token_that_is_wrong_in_one_thing_is_refused(
    client: httpx2.AsyncClient, provider: OidcProvider, wrong: dict[str, Any]
) -> None:
    answer = await ask(client, provider.token(**wrong))
    assert answer.status_code == 401, answer.text


async def test_a_token_of_another_issuer_is_refused(
    client: httpx2.AsyncClient, provider: OidcProvider
) -> None:
    assert (await ask(client, provider.token(iss="https://evil.example.com"))).status_code == 401


async def test_a_forgers_key_under_the_providers_name_is_refused(
    client: httpx2.AsyncClient, provider: OidcProvider
) -> None:
    forgers = rsa.generate_private_key(65537, 2048)
    assert (await ask(client, provider.token(key=forgers))).status_code == 401


async def test_the_public_key_is_no_secret_to_sign_by(
    client: httpx2.AsyncClient, provider: OidcProvider
) -> None:
    """The confusion of RS256 and HS256; pyjwt refuses to make such a token, so it is made here."""
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415

    kid, key = next(iter(provider.keys.items()))
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _, claims, _ = provider.token().split(".")

    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    for algorithm in ("HS256", "none"):
        header = encoded(json.dumps({"alg": algorithm, "kid": kid, "typ": "at+jwt"}).encode())
        signature = hmac.new(pem, f"{header}.{claims}".encode(), hashlib.sha256).digest()
        forged = f"{header}.{claims}.{encoded(signature) if algorithm == 'HS256' else ''}"
        assert (await ask(client, forged)).status_code == 401


async def test_a_header_that_brings_its_own_key_is_not_believed(
    client: httpx2.AsyncClient, provider: OidcProvider
) -> None:
    forgers = OidcProvider()
    try:
        kid = next(iter(forgers.keys))
        token = provider.token(
            key=forgers.keys[kid],
            header={"jwk": forgers.jwks()["keys"][0], "jku": f"{forgers.issuer}/jwks"},
        )
        assert (await ask(client, token)).status_code == 401
        assert forgers.asked == []
    finally:
        forgers.server_close()


async def test_a_new_key_is_found_at_once_and_one_that_is_withdrawn_is_not_kept(
    provider: OidcProvider,
) -> None:
    now = 0.0
    async with httpx2.AsyncClient() as http:
        keys = Provider(http, provider.issuer, keys_seconds=600, clock=lambda: now)
        old = next(iter(provider.keys))
        assert (await keys.key(old, "RS256")).key_id == old
        now = 60
        new = provider.new_key("EC")
        assert (await keys.key(new, "ES256")).key_id == new
        del provider.keys[old]
        now = 659
        assert await keys.key(old, "RS256")
        now = 660
        with pytest.raises(UnauthorizedError):
            await keys.key(old, "RS256")
        assert provider.asked.count("/jwks") == 3


async def test_names_that_are_made_up_do_not_besiege_the_provider(provider: OidcProvider) -> None:
    now = 100.0
    async with httpx2.AsyncClient() as http:
        keys = Provider(http, provider.issuer, keys_seconds=600, clock=lambda: now)
        known = next(iter(provider.keys))
        await keys.key(known, "RS256")

        async def unknown(number: int) -> None:
            with pytest.raises(UnauthorizedError):
                await keys.key(f"made-up-{number}", "RS256")

        await asyncio.gather(*(unknown(number) for number in range(50)))
        assert provider.asked.count("/jwks") == 1
        now += 10
        await asyncio.gather(*(unknown(number) for number in range(50)))
        assert provider.asked.count("/jwks") == 2


async def test_keys_that_are_known_go_on_while_the_provider_is_away(
    provider: OidcProvider,
) -> None:
    now = 0.0
    async with httpx2.AsyncClient() as http:
        keys = Provider(http, provider.issuer, keys_seconds=600, clock=lambda: now)
        known = next(iter(provider.keys))
        await keys.key(known, "RS256")
        provider.is_away = True
        now = 10_000
        assert await keys.key(known, "RS256")


async def test_a_provider_that_was_never_there_is_said_to_be_away(
    client: httpx2.AsyncClient, provider: OidcProvider
) -> None:
    provider.is_away = True
    for _ in range(3):
        answer = await ask(client, provider.token())
        assert answer.status_code == 503
    assert len(provider.asked) == 1


async def test_a_provider_that_calls_itself_otherwise_is_not_trusted(
    provider: OidcProvider,
) -> None:
    async with httpx2.AsyncClient() as http:
        wrong = Provider(http, provider.issuer + "/", keys_seconds=600)
        with pytest.raises(UnavailableError):
            await wrong.metadata()


async def test_a_key_of_another_kind_is_not_used(provider: OidcProvider) -> None:
    async with httpx2.AsyncClient() as http:
        keys = Provider(http, provider.issuer, keys_seconds=600)
        with pytest.raises(UnauthorizedError):
            await keys.key(next(iter(provider.keys)), "ES256")
        with pytest.raises(UnauthorizedError):
            await keys.key(next(iter(provider.keys)), "PS256")


async def test_a_disabled_user_is_not_let_in(
    client: httpx2.AsyncClient, provider: OidcProvider, db: psycopg.Connection
) -> None:
    await ask(client, provider.token())
    db.execute("UPDATE users SET disabled_at = now()")
    provider.person["sub"] = "ada-2"
    provider.person["email_verified"] = "true"
    db.execute("UPDATE users SET email_verified_at = now()")
    assert (await ask(client, provider.token())).status_code == 401


async def test_without_a_verified_address_a_newcomer_is_nobody(
    client: httpx2.AsyncClient, provider: OidcProvider, db: psycopg.Connection
) -> None:
    for change in ({"email_verified": False}, {"email": None}, {"email": "no address"}):
        assert (await ask(client, provider.token(**change))).status_code == 401
    found = db.execute("SELECT count(*) FROM users WHERE role = 'user'").fetchone()
    assert found == (0,)


async def test_many_first_requests_at_once_make_one_user(
    client: httpx2.AsyncClient, provider: OidcProvider, db: psycopg.Connection
) -> None:
    answers = await asyncio.gather(*(ask(client, provider.token()) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    found = db.execute("SELECT count(*) FROM users WHERE role = 'user'").fetchone()
    assert found == (1,)
