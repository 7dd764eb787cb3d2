"""What operators look at stays cheap where there are many rows: 50,000 tasks."""

import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest
from darkroom_api.admin import queries
from darkroom_api.database import Connection
from psycopg import AsyncConnection

ROWS = 50_000
# Each takes a fraction of it where the machine is quiet.
MOST_SECONDS = 1.0

FILL_USERS = """
INSERT INTO users (id, email, password_hash)
SELECT gen_random_uuid(), 'user' || n || '@example.com', 'x' FROM generate_series(1, 200) AS n
"""
FILL_TASKS = """
INSERT INTO tasks (
    id, name, namespace, owner, uid, spec, status, source_bytes, outputs, error, dead_lettered,
    created_at, submitted_at, finished_at, updated_at
)
SELECT id, id, 'media', owner, CASE WHEN status <> 'queued' THEN gen_random_uuid()::text END,
    jsonb_build_object('priority', (ARRAY['Low', 'Default', 'Critical'])[1 + n %% 3]),
    status, 100000,
    CASE WHEN status = 'succeeded' THEN %(outputs)s ELSE '[]' END::jsonb,
    CASE WHEN status = 'failed' THEN %(error)s END::jsonb,
    status = 'failed' AND n %% 20 = 2,
    at, at, CASE WHEN status IN ('succeeded', 'failed') THEN at END, at
FROM (
    SELECT n, 'task-' || md5(n::text) AS id,
        (SELECT array_agg(id) FROM users)[1 + n %% 200] AS owner,
        CASE WHEN n %% 50 = 0 THEN 'queued' WHEN n %% 50 = 1 THEN 'running'
            WHEN n %% 10 = 2 THEN 'failed' ELSE 'succeeded' END AS status,
        now() - make_interval(secs => n) AS at
    FROM generate_series(1, %(rows)s) AS n
) AS made
"""
FILL_FILES = """
INSERT INTO files (owner, sha256, key, size)
SELECT owner, md5(id), 'uploads/' || id, 100000 FROM tasks
"""
OUTPUTS = [{"name": "a", "bytes": 2000}, {"name": "b", "bytes": 500}]
ERROR = {"code": "out_of_memory", "message": "m"}


@pytest.fixture(scope="module")
def crowded(postgres: Any) -> str:
    url: str = postgres.new_database("darkroom_template")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FILL_USERS)
        values = {"rows": ROWS, "outputs": json.dumps(OUTPUTS), "error": json.dumps(ERROR)}
        connection.execute(FILL_TASKS, values)
        connection.execute(FILL_FILES)
        connection.execute("ANALYZE")
    return url


QUESTIONS: dict[str, Callable[[Connection], Awaitable[Any]]] = {
    "queues": queries.queues,
    "throughput": lambda c: queries.throughput(c, per="minute", periods=168),
    "throughput by hour": lambda c: queries.throughput(c, per="hour", periods=168),
    "failures": lambda c: queries.failures(c, hours=720),
    "dead letters": lambda c: queries.dead_letters(c, after=None, limit=100),
    "storage": lambda c: queries.storage_used(c, limit=100),
    "recording": queries.recording,
}


@pytest.mark.parametrize("name", QUESTIONS)
async def test_a_question_about_many_rows_is_answered_soon(crowded: str, name: str) -> None:
    async with await AsyncConnection.connect(crowded, autocommit=True) as connection:
        times = []
        for _ in range(3):
            started = time.perf_counter()
            assert await QUESTIONS[name](connection)
            times.append(time.perf_counter() - started)
    sys.stdout.write(f"{name}: {min(times) * 1000:.1f} ms\n")
    assert min(times) < MOST_SECONDS


async def test_what_is_counted_adds_up(crowded: str) -> None:
    async with await AsyncConnection.connect(crowded, autocommit=True) as connection:
        found = await queries.queues(connection)
        stored = await queries.storage_used(connection, limit=1000)
        rates = await queries.throughput(connection, per="hour", periods=168)
        failed = await queries.failures(connection, hours=720)
    assert sum(row.waiting for row in found) == ROWS // 50
    assert sum(row.running for row in found) == ROWS // 50
    assert sum(row.upload_bytes for row in stored) == ROWS * 100_000
    assert sum(row.created for row in rates) == ROWS
    assert sum(row.failed for row in rates) == sum(row.count for row in failed) == ROWS // 10
