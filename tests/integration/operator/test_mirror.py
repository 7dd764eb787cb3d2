"""The mirror against a real Postgres with the real `darkroom_record`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest
from darkroom_core.task import TaskStatus
from darkroom_operator.mirror import PostgresMirror
from darkroom_operator.postgres import Postgres
from darkroom_operator.record import Observation, cancellation_of, observation_of
from darkroom_operator.task import read
from darkroom_operator.testing import at, raw_task
from psycopg import sql
from psycopg.rows import dict_row

Write = Callable[..., list[dict[str, Any]]]


def observation(name: str = "a", state: str = "queued", **status: Any) -> Observation:
    written = {"state": state, **status}
    return observation_of(read(raw_task(name)), TaskStatus.model_validate(written))


@pytest.fixture
def rows(database_url: str) -> Callable[[], list[dict[str, Any]]]:
    def read_rows() -> list[dict[str, Any]]:
        with psycopg.connect(database_url, row_factory=dict_row) as connection:
            return connection.execute("SELECT * FROM tasks ORDER BY name").fetchall()

    return read_rows


@pytest.fixture
def outage(database_url: str) -> Callable[[bool], None]:
    """Close a database to everybody, and open it again."""
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    elsewhere = psycopg.conninfo.make_conninfo(database_url, dbname="darkroom")

    def set_outage(away: bool) -> None:  # noqa: FBT001
        with psycopg.connect(elsewhere, autocommit=True) as connection:
            statement = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
            connection.execute(statement.format(sql.Identifier(str(name)), sql.Literal(not away)))
            if away:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                    (name,),
                )

    return set_outage


class Running:
    """A mirror that runs, and the UIDs that it said are recorded."""

    def __init__(self, url: str) -> None:
        self.recorded: list[str] = []
        self.postgres = Postgres(url)
        self.mirror = PostgresMirror(self.postgres, self.recorded.append)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110  # polled
                await asyncio.sleep(0.01)


@pytest.fixture
async def running(database_url: str) -> AsyncIterator[Running]:
    running = Running(database_url)
    task = asyncio.create_task(running.mirror.run())
    yield running
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await running.postgres.close()


async def test_a_task_is_mirrored_from_start_to_end(
    running: Running, rows: Callable[[], list[dict[str, Any]]]
) -> None:
    running.mirror.submit(observation())
    await running.until(rows)
    running.mirror.submit(
        observation(
            state="succeeded",
            attempts=1,
            startedAt="2026-01-01T00:00:10Z",
            finishedAt="2026-01-01T00:00:20Z",
            outputs=[
                {
                    "name": "thumb",
                    "format": "webp",
                    "width": 1,
                    "height": 2,
                    "bytes": 3,
                    "sha256": "00",
                }
            ],
        )
    )
    await running.until(lambda: running.recorded)
    (row,) = rows()
    assert (row["uid"], row["status"], row["attempts"]) == ("uid-a", "succeeded", 1)
    assert row["spec"]["outputs"] == [{"name": "thumb", "format": "webp"}]
    assert row["finished_at"] == at("00:00:20")
    assert row["outputs"][0]["name"] == "thumb"
    assert running.recorded == ["uid-a"]
    assert running.mirror.is_recorded("uid-a")


async def test_what_is_known_is_not_written_again(running: Running) -> None:
    for _ in range(3):
        running.mirror.submit(observation(state="failed"))
        await running.until(lambda: running.recorded)
    assert running.recorded == ["uid-a"]


async def test_many_are_written_together(
    database_url: str, rows: Callable[[], list[dict[str, Any]]]
) -> None:
    running = Running(database_url)
    statements = []
    fetch = running.postgres.fetch

    async def counted(query: Any, parameters: Any = ()) -> list[tuple[Any, ...]]:
        statements.append(query)
        return await fetch(query, parameters)

    running.postgres.fetch = counted  # type: ignore[method-assign]
    for number in range(100):
        running.mirror.submit(observation(f"{number:03}"))
        running.mirror.submit(observation(f"{number:03}", "succeeded"))
    await running.mirror.flush()
    await running.postgres.close()
    assert len(statements) == 1
    assert [row["status"] for row in rows()] == ["succeeded"] * 100
    assert rows()[0]["spec"] is not None


async def test_what_happens_while_postgres_is_away_is_written_when_it_is_back(
    running: Running,
    rows: Callable[[], list[dict[str, Any]]],
    outage: Callable[[bool], None],
) -> None:
    running.mirror.submit(observation())
    await running.until(rows)
    outage(True)  # noqa: FBT003
    running.mirror.submit(observation(state="running"))
    running.mirror.submit(observation(state="succeeded"))
    running.mirror.submit(observation("b", "failed"))
    await asyncio.sleep(0.3)
    assert running.recorded == []
    outage(False)  # noqa: FBT003
    await running.until(lambda: len(running.recorded) == 2)
    assert [row["status"] for row in rows()] == ["succeeded", "failed"]


async def test_a_database_without_migrations_is_waited_for(empty_database_url: str) -> None:
    running = Running(empty_database_url)
    running.mirror.submit(observation())
    with pytest.raises(psycopg.errors.UndefinedFunction):
        await running.mirror.flush()
    with pytest.raises(psycopg.errors.UndefinedFunction):
        await running.mirror.flush()
    await running.postgres.close()


async def test_an_observation_that_is_refused_holds_up_no_other(running: Running) -> None:
    running.mirror.submit(observation() | {"created_at": "yesterday, about noon"})
    running.mirror.submit(observation("b", "succeeded"))
    await running.until(lambda: running.recorded)
    assert running.recorded == ["uid-b"]


async def test_a_nul_in_a_text_is_left_out(
    running: Running, rows: Callable[[], list[dict[str, Any]]]
) -> None:
    error = {"code": "corrupt_image", "message": "a\0b", "retryable": False}
    running.mirror.submit(observation(state="failed", error=error))
    await running.until(lambda: running.recorded)
    assert rows()[0]["error"]["message"] == "ab"


async def test_unfinished_rows_are_those_that_somebody_waits_for(running: Running) -> None:
    running.mirror.submit(observation("a", "succeeded"))
    running.mirror.submit(observation("b", "running"))
    running.mirror.submit(cancellation_of(read(raw_task("c")), at("00:00:10")))
    await running.until(lambda: len(running.recorded) == 2)
    assert await running.mirror.unfinished() == [("uid-b", "media", "b")]
