"""The application on a real Postgres and real local storage; Kubernetes is `FakeCluster`.

What `FakeCluster` leaves out (schemas, admission) is tested against a real API server elsewhere.
`client` speaks to the application in memory; tests of sockets and signals run `served`.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import psycopg
import pytest
from darkroom_api.app import create_app
from darkroom_api.settings import Settings
from darkroom_api.testing import FakeCluster, User, client_of, register, sign_in

ADMIN = {"email": "admin@darkroom.internal", "password": "the admin's password"}

Environment = dict[str, str]


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> Environment:
    """The variables of a deployment."""
    return {
        "DARKROOM_DATABASE_URL": database_url,
        "DARKROOM_NAMESPACE": "media",
        "DARKROOM_JWT_KEY": "j" * 32,
        "DARKROOM_ADMIN_EMAIL": ADMIN["email"],
        "DARKROOM_ADMIN_PASSWORD": ADMIN["password"],
        "DARKROOM_MAX_UPLOAD_BYTES": "3000000",
        "DARKROOM_STORAGE__DIRECTORY": str(tmp_path / "objects"),
        "DARKROOM_STORAGE__URL": "http://darkroom-api",
        "DARKROOM_STORAGE__SIGNING_KEY": "s" * 32,
    }


@pytest.fixture
def settings(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings that this environment gives."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings()  # type: ignore[call-arg]  # from the environment


@pytest.fixture
def objects(tmp_path: Path) -> Path:
    """The directory of local storage."""
    return tmp_path / "objects"


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
async def client(settings: Settings, cluster: FakeCluster) -> AsyncIterator[httpx2.AsyncClient]:
    """The running application, without a user."""
    async with client_of(create_app(settings, open_cluster=cluster.opened)) as client:
        yield client


@pytest.fixture
async def ada(client: httpx2.AsyncClient) -> User:
    return await register(client, "ada@example.com")


@pytest.fixture
async def bob(client: httpx2.AsyncClient) -> User:
    return await register(client, "bob@example.com")


@pytest.fixture
async def admin(client: httpx2.AsyncClient) -> User:
    return await sign_in(client, **ADMIN)


@pytest.fixture
def db(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection of the test's own, as the operator has one."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection
