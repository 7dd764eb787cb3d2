"""What a scrape shows: of requests, bytes and streams, and of what Postgres and a volume hold."""

import hashlib
import math
import shutil
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from darkroom_api.app import create_app
from darkroom_api.database import open_pool
from darkroom_api.metrics import Metrics
from darkroom_api.metrics.refreshing import refresh_standing
from darkroom_api.settings import Settings
from darkroom_api.testing import RECIPE, FakeCluster, User, jpeg, register, uid_of, until
from darkroom_api.testing.serving import serving
from prometheus_client.parser import text_string_to_metric_families
from psycopg import sql
from psycopg.types.json import Jsonb
from websockets.asyncio.client import connect

MADE = b"0123456789" * 100


async def scraped(client: httpx2.AsyncClient, name: str, **labels: str) -> float | None:
    families = text_string_to_metric_families((await client.get("/metrics")).text)
    return next(
        (
            sample.value
            for family in families
            for sample in family.samples
            if (sample.name, sample.labels) == (name, labels)
        ),
        None,
    )


def insert(
    db: psycopg.Connection, number: int, *, namespace: str = "media", **columns: str
) -> None:
    """Add rows that wait for the window, or as the columns have them."""
    more = sql.SQL("").join(sql.SQL(", {}").format(sql.Identifier(name)) for name in columns)
    values = sql.SQL("").join(sql.SQL(", {}").format(sql.SQL(value)) for value in columns.values())
    db.execute(
        sql.SQL(
            "INSERT INTO tasks (id, name, namespace, spec {}) SELECT id, id, %s, '{{}}' {}"
            " FROM (SELECT gen_random_uuid()::text AS id FROM generate_series(1, %s)) AS ids"
        ).format(more, values),
        [namespace, number],
    )


async def standing(settings: Settings, url: str) -> dict[str, float | None]:
    metrics = Metrics()
    async with open_pool(url, connections=2) as pool:
        await refresh_standing(metrics.standing, pool, settings)
    names = ("tasks_waiting_for_window", "admission_window_used", "dead_letters")
    return {name: metrics.registry.get_sample_value(f"darkroom_{name}") for name in names}


async def test_what_waits_for_the_window_and_what_is_in_it_is_counted(
    settings: Settings, database_url: str, db: psycopg.Connection
) -> None:
    insert(db, 3)
    insert(db, 7, namespace="other")
    insert(db, 2, submit_attempts="1")
    insert(db, 4, uid="gen_random_uuid()", status="'running'")
    insert(db, 5, uid="gen_random_uuid()", status="'failed'", dead_lettered="true")
    assert await standing(settings, database_url) == {
        "tasks_waiting_for_window": 3,
        "admission_window_used": 6,
        "dead_letters": 5,
    }


async def test_nothing_is_known_while_postgres_is_away(settings: Settings, port: int) -> None:
    found = await standing(settings, f"postgresql://nobody@127.0.0.1:{port}/none")
    assert all(value is not None and math.isnan(value) for value in found.values())


async def test_the_first_scrapes_show_what_was_there_at_the_start(
    settings: Settings, cluster: FakeCluster, db: psycopg.Connection, objects: Path
) -> None:
    insert(db, 2, uid="gen_random_uuid()", status="'failed'", dead_lettered="true")
    app = create_app(settings, open_cluster=cluster.opened)
    async with serving(app, settings) as (url, _), httpx2.AsyncClient(base_url=url) as http:

        async def is_known() -> bool:
            return await scraped(http, "darkroom_dead_letters") == 2

        await until(is_known)
        assert await scraped(http, "darkroom_admission_window_used") == 0
        assert await scraped(http, "darkroom_admission_window_size") == settings.admission_window
        assert await scraped(http, "darkroom_tasks_waiting_for_window") == 0

        async def is_measured() -> bool:
            return (await scraped(http, "darkroom_storage_free_bytes") or math.nan) > 0

        await until(is_measured)
        total = shutil.disk_usage(objects.parent).total
        assert await scraped(http, "darkroom_storage_capacity_bytes") == total
        most = settings.database_connections
        assert await scraped(http, "darkroom_database_connections_max") == most
        build = {"version": version("darkroom-api"), "component": "api"}
        assert await scraped(http, "darkroom_build_info", **build) == 1


async def test_bytes_are_counted_as_they_come_and_go(
    client: httpx2.AsyncClient, ada: User, db: psycopg.Connection, objects: Path
) -> None:
    body = jpeg(5000)
    task = (await ada.upload(body)).json()
    answer = await ada.http.put(
        "/v1/uploads", content=jpeg(700), headers=ada.headers | {"Content-Type": "image/jpeg"}
    )
    assert answer.status_code == 201, answer.text
    assert await scraped(client, "darkroom_uploaded_bytes_total") == 5700
    assert await scraped(client, "darkroom_tasks_created_total", source="upload") == 1
    assert await scraped(client, "darkroom_tasks_created_total", source="replay") == 0

    url = finished(db, objects, task)["urls"]["outputs"]["thumb"]
    assert (await ada.get(url)).content == MADE
    etag = (await ada.get(url, {"Range": "bytes=0-9"})).headers["etag"]
    assert (await ada.get(url, {"If-None-Match": etag})).status_code == 304
    archive = await ada.get(f"/v1/tasks/{task['id']}/outputs.zip")
    served = await scraped(client, "darkroom_served_bytes_total")
    assert served == len(MADE) + 10 + len(archive.content)


def finished(db: psycopg.Connection, objects: Path, task: dict[str, Any]) -> dict[str, Any]:
    """Have the task make one file, as the operator records it."""
    uid = uid_of(task["id"])
    path = objects / "outputs" / uid / "thumb.webp"
    path.parent.mkdir(parents=True)
    path.write_bytes(MADE)
    output = {"name": "thumb", "format": "webp", "width": 5, "height": 5, "bytes": len(MADE)}
    output["sha256"] = hashlib.sha256(MADE).hexdigest()
    seen = {"namespace": "media", "name": task["id"], "uid": uid, "status": "succeeded"}
    db.execute("SELECT darkroom_record(%s)", [Jsonb({**seen, "outputs": [output]})])
    return task


@pytest.fixture
async def served(
    settings: Settings, cluster: FakeCluster
) -> AsyncIterator[tuple[str, httpx2.AsyncClient]]:
    app = create_app(settings, open_cluster=cluster.opened)
    async with (
        serving(app, settings) as (url, _),
        httpx2.AsyncClient(base_url=url, timeout=60) as http,
    ):
        yield url, http


async def test_a_stream_is_counted_while_it_is_open(served: tuple[str, httpx2.AsyncClient]) -> None:
    url, http = served
    user = await register(http, "ada@example.com")

    def has(kind: str, number: int) -> Any:
        async def is_so() -> bool:
            return await scraped(http, "darkroom_live_streams", kind=kind) == number

        return is_so

    assert await has("sse", 0)()
    async with http.stream("GET", "/v1/events", headers=user.headers) as answer:
        assert answer.status_code == 200
        await until(has("sse", 1))
    await until(has("sse", 0))
    async with connect(
        url.replace("http", "ws", 1) + "/v1/events", additional_headers=user.headers, proxy=None
    ):
        await until(has("websocket", 1))
    await until(has("websocket", 0))


async def test_a_refused_file_is_not_counted(client: httpx2.AsyncClient, ada: User) -> None:
    assert (await ada.upload(b"no picture", RECIPE)).status_code == 422
    assert await scraped(client, "darkroom_uploaded_bytes_total") == 0
