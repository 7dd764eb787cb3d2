"""What the triggers on tasks write down: a version for clients, and events for readers."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def db(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def insert(db: Connection, task_id: str = "task-1") -> None:
    db.execute(
        "INSERT INTO tasks (id, namespace, name) VALUES (%s, 'media', %s)", [task_id, task_id]
    )


def update(db: Connection, change: str) -> None:
    db.execute(f"UPDATE tasks SET {change}")  # noqa: S608  # the test's own


def events(db: Connection) -> list[str]:
    rows = db.execute("SELECT type FROM task_events ORDER BY task_events.xid, id").fetchall()
    return [row[0].removeprefix("task.") for row in rows]


def version(db: Connection) -> int:
    row = db.execute("SELECT version FROM tasks").fetchone()
    assert row
    number: int = row[0]
    return number


def test_a_tasks_life_is_written_down_in_order(db: Connection) -> None:
    insert(db)
    update(db, "uid = 'u', submitted_at = now()")
    update(db, "status = 'running', attempts = 1, started_at = now()")
    update(db, "progress = 40")
    update(db, "attempts = 2")
    update(db, "cancel_requested_at = now()")
    update(db, "status = 'canceled', finished_at = now()")
    update(db, "outputs_deleted_at = now()")

    assert events(db) == ["created", "started", "progress", "retrying", "canceling", "canceled"]
    assert version(db) == 8


@pytest.mark.parametrize("status", ["succeeded", "failed", "canceled", "expired"])
def test_each_end_is_an_event_of_its_own_whatever_else_changed(db: Connection, status: str) -> None:
    insert(db)
    update(db, f"status = '{status}', progress = 100, attempts = 3, cancel_requested_at = now()")

    assert events(db) == ["created", status]


def test_what_no_client_sees_changes_neither_version_nor_events(db: Connection) -> None:
    insert(db)
    update(db, "updated_at = now() + interval '1 s', submit_after = now() + interval '1 s'")
    update(db, "submit_attempts = 3, withdrawn_at = now()")
    update(db, "status = status, progress = progress")

    assert version(db) == 1
    assert events(db) == ["created"]


def test_a_failed_try_to_submit_counts_once_however_often_it_is_repeated(db: Connection) -> None:
    insert(db)
    update(db, "submit_error = 'no answer'")
    update(db, "submit_error = 'no answer, again'")

    assert version(db) == 2


def test_an_event_says_how_the_task_was_and_not_how_it_is(db: Connection) -> None:
    insert(db)
    update(db, "status = 'running', attempts = 1, reason = 'Running'")
    update(db, "status = 'failed', error = '{\"title\": \"No picture\"}', message = 'It failed.'")

    rows = db.execute("SELECT data FROM task_events ORDER BY task_events.xid, id").fetchall()
    seen = {"progress": 0, "attempts": 1, "reason": "Running"}
    assert [row[0] for row in rows] == [
        {"status": "queued", "progress": 0, "attempts": 0, "version": 1},
        {"status": "running", "version": 2, **seen},
        {
            "status": "failed",
            "version": 3,
            **seen,
            "message": "It failed.",
            "error": {"title": "No picture"},
        },
    ]


def test_an_insert_that_met_another_leaves_no_event(db: Connection) -> None:
    insert(db)
    db.execute(
        "INSERT INTO tasks (id, namespace, name) VALUES ('task-1', 'm', 'n') ON CONFLICT DO NOTHING"
    )

    assert events(db) == ["created"]


def test_a_thousand_new_tasks_are_announced_once_and_each_change_by_its_id(db: Connection) -> None:
    db.execute("LISTEN darkroom_events")
    db.execute("LISTEN darkroom_tasks")
    db.execute(
        "INSERT INTO tasks (id, namespace, name)"
        " SELECT 'task-' || n, 'media', 'task-' || n FROM generate_series(1, 1000) AS n"
    )
    db.execute("UPDATE tasks SET progress = 1 WHERE id = 'task-7'")

    heard = [(notice.channel, notice.payload) for notice in db.notifies(timeout=0.2)]
    assert heard == [("darkroom_events", ""), ("darkroom_tasks", "task-7")]
