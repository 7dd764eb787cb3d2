"""Lists: their filters, their pages, and that the indexes carry them at 50,000 tasks."""

import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest
from darkroom_api.batches import queries as batches
from darkroom_api.database import Connection
from darkroom_api.tasks import cancellation, queries, retrying
from darkroom_api.tasks.filters import Filter
from darkroom_api.testing import RECIPE, User
from psycopg import AsyncConnection

URL_TASK = {"source": {"url": "https://example.com/a.jpg"}, **RECIPE}
ROWS = 50_000
MOST_SECONDS = 0.5


async def make(user: User, **more: object) -> str:
    answer = await user.post("/v1/tasks", json={**URL_TASK, **more})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def listed(user: User, query: str) -> list[str]:
    answer = await user.get(f"/v1/tasks?{query}")
    assert answer.status_code == 200, answer.text
    return [task["id"] for task in answer.json()["data"]]


async def test_a_list_is_narrowed_by_what_a_task_is(ada: User, db: psycopg.Connection) -> None:
    plain = await make(ada)
    large = await make(ada, pool="large")
    inspect = await make(ada, type="Inspect", outputs=[])
    by_recipe = await make(ada)
    db.execute(
        """UPDATE tasks SET spec = spec - 'outputs' || '{"recipe": "web"}' WHERE id = %s""",
        [by_recipe],
    )

    assert await listed(ada, "pool=large") == [large]
    assert await listed(ada, "type=Inspect") == [inspect]
    assert await listed(ada, "type=Image") == [by_recipe, large, plain]
    assert await listed(ada, "recipe=web") == [by_recipe]
    assert await listed(ada, "recipe=web&pool=large") == []


async def test_a_list_is_narrowed_by_several_states(ada: User, db: psycopg.Connection) -> None:
    ids = [await make(ada) for _ in range(3)]
    db.execute("UPDATE tasks SET status = 'failed' WHERE id = %s", [ids[0]])
    db.execute("UPDATE tasks SET status = 'succeeded' WHERE id = %s", [ids[1]])
    assert await listed(ada, "status=failed") == [ids[0]]
    assert await listed(ada, "status=failed&status=succeeded") == [ids[1], ids[0]]


async def test_a_list_is_narrowed_by_time(ada: User, db: psycopg.Connection) -> None:
    ids = [await make(ada) for _ in range(3)]
    for day, task_id in enumerate(ids, start=1):
        db.execute(
            "UPDATE tasks SET created_at = make_timestamptz(2026, 1, %s, 0, 0, 0, 'UTC')"
            " WHERE id = %s",
            [day, task_id],
        )
    assert await listed(ada, "created_after=2026-01-01T00:00:00Z") == [ids[2], ids[1]]
    assert await listed(ada, "created_before=2026-01-02T01:00:00%2B01:00") == [ids[0]]


async def test_a_list_is_narrowed_by_metadata_and_words(ada: User, bob: User) -> None:
    red = await make(ada, metadata={"team": "red", "note": "Ferien am Müritzsee"})
    both = await make(ada, metadata={"team": "red", "order": "A-42"})
    picture = (await ada.upload()).json()["id"]  # photo.jpg
    await make(bob, metadata={"team": "red"})

    assert await listed(ada, "label=team=red") == [both, red]
    assert await listed(ada, "label=team=red&label=order=A-42") == [both]
    assert await listed(ada, "label=team=re") == []
    assert await listed(ada, "q=müritz") == [red]
    assert await listed(ada, "q=42") == [both]
    assert await listed(ada, "q=photo.j") == [picture]
    assert await listed(ada, "q=see") == []


@pytest.mark.parametrize(
    "query",
    [
        *("recipe=%00", "pool=A", "q=%00", "q=-.-", "q=", "label=x", "label==x", "label=a=%00"),
        *("created_after=yesterday", "created_after=2026-01-01", "type=Picture", "batch=%ff"),
        *("owner=me", "status=queued&status=done", "q=" + "x" * 201),
    ],
)
async def test_a_bad_filter_is_refused(ada: User, query: str) -> None:
    answer = await ada.get(f"/v1/tasks?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


@pytest.mark.parametrize("q", ["'", ":*", "a:b", "a & b", "!a", "\\", "(", "<->", "a'b", "%25"])
async def test_words_are_words_and_no_query_language(ada: User, q: str) -> None:
    assert (await ada.get("/v1/tasks", {})).status_code == 200
    answer = await ada.http.get("/v1/tasks", params={"q": "x" + q}, headers=ada.headers)
    assert answer.status_code == 200


async def test_a_cursor_is_bound_to_its_filters(ada: User) -> None:
    for _ in range(3):
        await make(ada)
    first = (await ada.get("/v1/tasks?limit=1&status=queued")).json()
    cursor = first["next_cursor"]
    second = await ada.get(f"/v1/tasks?limit=2&status=queued&cursor={cursor}")
    assert [len(second.json()["data"]), second.json()["has_more"]] == [2, False]
    for query in ("", "&status=failed", "&status=queued&pool=default"):
        answer = await ada.get(f"/v1/tasks?limit=1&cursor={cursor}{query}")
        assert answer.status_code == 422, query
        assert "filters" in answer.json()["detail"]


async def test_only_who_sees_all_may_name_an_owner(ada: User, bob: User, admin: User) -> None:
    task_id = await make(ada)
    await make(bob)
    me = (await ada.get("/v1/me")).json()["id"]
    assert await listed(admin, f"owner={me}") == [task_id]
    assert await listed(ada, f"owner={me}") == [task_id]
    answer = await bob.get(f"/v1/tasks?owner={me}")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


# --- at 50,000 tasks ------------------------------------------------------------------------------

FILL = """
INSERT INTO tasks (
    id, name, namespace, owner, uid, spec, status, source_filename, metadata, batch, cancel_at,
    created_at, submitted_at, finished_at, dead_lettered
)
SELECT id, id, 'media', owner, CASE WHEN status <> 'queued' THEN id END,
    jsonb_strip_nulls(jsonb_build_object(
        'source', jsonb_build_object('key', 'uploads/' || id), 'outputs', '[]'::jsonb,
        'pool', CASE WHEN n %% 1000 = 0 THEN 'rare' END,
        'type', CASE WHEN n %% 2000 = 0 THEN 'Report' END,
        'recipe', CASE WHEN n %% 500 = 0 THEN 'web' END
    )),
    status, 'photo-' || n || '.jpg',
    CASE WHEN n %% 10 = 0 THEN jsonb_build_object('order', (n / 100)::text) ELSE '{}' END,
    CASE WHEN n %% 100 = 0 THEN 'batch-' || n / 1000 END,
    CASE WHEN status = 'queued' THEN at + interval '2 days' END,
    at, at, CASE WHEN status IN ('succeeded', 'failed') THEN at END, status = 'failed'
FROM (
    SELECT n, 'task-' || md5(n::text) AS id, %(owners)s::uuid[] AS owners,
        (%(owners)s::uuid[])[1 + (n %% 5 = 4)::integer * (1 + n %% 99)] AS owner,
        CASE WHEN n %% 500 = 3 THEN 'queued' WHEN n %% 500 = 1 THEN 'running'
            WHEN n %% 50 = 2 THEN 'failed' ELSE 'succeeded' END AS status,
        now() - make_interval(secs => n) AS at
    FROM generate_series(1, %(rows)s) AS n
) AS made
"""


@pytest.fixture(scope="module")
def crowded(postgres: Any) -> tuple[str, UUID]:
    """Four fifths of 50,000 tasks are one user's, the others a hundred users'."""
    url: str = postgres.new_database("darkroom_template")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO users (id, email, password_hash) SELECT gen_random_uuid(),"
            " 'user' || n || '@example.com', 'x' FROM generate_series(1, 100) AS n"
        )
        found = connection.execute("SELECT array_agg(id ORDER BY email) FROM users").fetchone()
        assert found
        connection.execute(
            "INSERT INTO batches (id, owner)"
            " SELECT 'batch-' || n, %s FROM generate_series(0, 50) AS n",
            [found[0][0]],
        )
        connection.execute(FILL, {"owners": found[0], "rows": ROWS})
        connection.execute("VACUUM ANALYZE tasks")
    return url, found[0][0]


FILTERS: dict[str, dict[str, Any]] = {
    "all of mine": {},
    "failed": {"status": ("failed",)},
    "running": {"status": ("running",)},
    "unfinished": {"status": ("queued", "running")},
    "recipe": {"recipe": "web"},
    "batch": {"batch": "batch-7"},
    "label": {"labels": {"order": "77"}},
    "words": {"text": "photo 4321"},
    "rare pool": {"pool": "rare"},
    "rare type": {"type": "Report"},
    "dead letters": {"dead_lettered": True},
}


def plan_of(url: str, statement: str) -> dict[str, Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + statement).fetchone()
        assert found
        plan: dict[str, Any] = found[0][0]["Plan"]
    return plan


def nodes_of(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for inner in plan.get("Plans", ()) for node in nodes_of(inner))]


@pytest.mark.parametrize("name", FILTERS)
async def test_a_page_of_a_long_list_never_reads_the_whole_table(
    crowded: tuple[str, UUID], name: str
) -> None:
    url, owner = crowded
    asked: list[str] = []

    async with await AsyncConnection.connect(
        url, autocommit=True, cursor_factory=psycopg.AsyncClientCursor
    ) as connection:
        wanted = Filter(owner=owner, **FILTERS[name])
        started = time.perf_counter()
        rows = await queries.tasks_page(connection, wanted, after=None, limit=21)
        seconds = time.perf_counter() - started
        cursor = psycopg.AsyncClientCursor(connection)
        statement = psycopg.sql.SQL("SELECT id FROM tasks WHERE {}").format(wanted.condition)
        text = cursor.mogrify(statement, wanted.values)
        asked.append(f"{text} ORDER BY created_at DESC, id DESC LIMIT 21")
    assert rows
    nodes = nodes_of(plan_of(url, asked[0]))
    used = [node.get("Index Name", node["Node Type"]) for node in nodes]
    sys.stdout.write(f"{name}: {seconds * 1000:.1f} ms by {used}\n")
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
    assert seconds < MOST_SECONDS


QUESTIONS: dict[str, Callable[[Connection, UUID], Awaitable[Any]]] = {
    "cancel by filter": lambda c, o: cancellation.cancelable(
        c, Filter(owner=o, batch="batch-3"), limit=1000
    ),
    "retry by filter": lambda c, o: retrying.retryable(
        c, Filter(owner=o, status=("failed",)), limit=1000
    ),
    "cancel after": lambda c, _: cancellation.cancel_overdue(c, limit=500),
    "batch": lambda c, o: batches.batch_by_id(c, "batch-7", owner=o),
    "batches": lambda c, o: batches.batches_page(c, owner=o, after=None, limit=21),
}


@pytest.mark.parametrize("name", QUESTIONS)
async def test_a_question_about_many_tasks_is_answered_soon(
    crowded: tuple[str, UUID], name: str
) -> None:
    url, owner = crowded
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        started = time.perf_counter()
        await QUESTIONS[name](connection, owner)
        seconds = time.perf_counter() - started
    sys.stdout.write(f"{name}: {seconds * 1000:.1f} ms\n")
    assert seconds < MOST_SECONDS
