"""Migrations on a real Postgres."""

import threading

import psycopg
import pytest
from darkroom_api import migrate
from darkroom_api.errors import CommandError

_SCHEMA = """
SELECT 'column', table_name, column_name, data_type, coalesce(column_default, '') || is_nullable
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'index', tablename, indexname, indexdef, '' FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), ''
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'function', proname, pg_get_function_arguments(oid), prosrc, provolatile::text
FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL
SELECT 'comment', objoid::regclass::text, coalesce(attname, ''), description, ''
FROM pg_description LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid AND attnum > 0
WHERE classoid = 'pg_class'::regclass AND objoid >= 16384
UNION ALL
SELECT 'generated', attrelid::regclass::text, attname, pg_get_expr(adbin, adrelid), ''
FROM pg_attribute JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attgenerated <> ''
ORDER BY 1, 2, 3, 4, 5
"""


def schema(url: str) -> list[tuple[str, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(_SCHEMA).fetchall()


def test_up_then_down_to_nothing_then_up_gives_the_same_schema(empty_database_url: str) -> None:
    migrate.up(empty_database_url)
    before = schema(empty_database_url)

    migrate.down(empty_database_url, target=0)
    between = schema(empty_database_url)
    migrate.up(empty_database_url)

    assert {row[1] for row in between if row[0] != "comment"} == {"darkroom_migrations"}
    assert before == schema(empty_database_url)


def test_every_single_step_can_be_taken_back(empty_database_url: str) -> None:
    for migration in migrate.migrations():
        below = schema(empty_database_url)
        migrate.up(empty_database_url, target=migration.version)
        above = schema(empty_database_url)
        migrate.down(empty_database_url)
        if migration.version > 1:
            assert below == schema(empty_database_url)
        migrate.up(empty_database_url, target=migration.version)
        assert above == schema(empty_database_url)


def test_up_twice_does_nothing_the_second_time(empty_database_url: str) -> None:
    assert len(migrate.up(empty_database_url)) == len(migrate.migrations())
    assert migrate.up(empty_database_url) == []


def test_two_at_once_take_turns(empty_database_url: str) -> None:
    done: list[int] = []
    threads = [
        threading.Thread(target=lambda: done.append(len(migrate.up(empty_database_url))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(done) == [0, 0, 0, len(migrate.migrations())]


def test_status_tells_what_is_missing(empty_database_url: str) -> None:
    assert not any(is_applied for _, is_applied in migrate.status(empty_database_url))
    migrate.up(empty_database_url, target=1)
    assert [is_applied for _, is_applied in migrate.status(empty_database_url)][:2] == [True, False]


def test_a_file_that_was_edited_after_it_was_applied_is_noticed(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE darkroom_migrations SET checksum = 'x' WHERE version = 2")

    with pytest.raises(CommandError, match="0002 tasks was changed after it was applied"):
        migrate.up(database_url)


def test_a_newer_database_is_left_alone_by_up_and_refused_by_down(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO darkroom_migrations VALUES (9000, 'later', 'x')")

    assert migrate.up(database_url) == []
    with pytest.raises(CommandError, match="9000 is not part of this release"):
        migrate.down(database_url)


def test_a_postgres_that_is_not_there_is_waited_for_and_then_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(CommandError, match=r"Postgres did not answer in 0 s: .*refused"):
        migrate.up("postgresql://darkroom@127.0.0.1:9/darkroom", wait_seconds=0.01)
    assert "waiting for Postgres (0 s)" in capsys.readouterr().out
