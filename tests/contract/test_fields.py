"""docs/reference/fields.md maps REST field, resource field and column, and leaves none out."""

import re
from importlib.resources import files
from pathlib import Path

from darkroom_api import migrate
from darkroom_api.tasks.schemas import TaskView
from darkroom_core.task import TaskSpec, TaskStatus

PAGE = Path(__file__).parents[2] / "docs/reference/fields.md"
ADDED = re.compile(r"ADD COLUMN (?:IF NOT EXISTS )?(\w+)")
TABLE = re.compile(r"CREATE TABLE tasks \((.*?)^\);", re.DOTALL | re.MULTILINE)
ALTERED = re.compile(r"ALTER TABLE tasks\b(.*?);", re.DOTALL)


def cells() -> list[list[str]]:
    """The rows of the tables: REST, resource, column."""
    rows = [line.split("|")[1:4] for line in PAGE.read_text().splitlines() if "|" in line]
    return [row for row in rows if "---" not in row[0] and row[0].strip() != "REST"]


def words(column: int) -> set[str]:
    """What is in code in that column; of `a.b` also `a`."""
    found = {word for row in cells() for word in re.findall(r"`([\w.\[\]-]+)`", row[column])}
    return {word.split(".")[0].removesuffix("[]") for word in found} | found


def resource_words(prefix: str) -> set[str]:
    found = re.findall(rf"`{prefix}\.(\w+)", PAGE.read_text())
    return set(found)


def columns() -> set[str]:
    found: set[str] = set()
    for migration in migrate.migrations():
        if match := TABLE.search(migration.up):
            found |= set(re.findall(r"^    (\w+) \w", match[1], re.MULTILINE))
        for altered in ALTERED.findall(migration.up):
            found |= set(ADDED.findall(altered))
            found -= set(re.findall(r"DROP COLUMN (?:IF EXISTS )?(\w+)", altered))
    return found


def test_migrations_are_read_as_postgres_reads_them() -> None:
    assert (files("darkroom_api") / "migrations").is_dir()
    assert {"id", "submit_error", "dead_lettered", "source_facts"} <= columns()
    assert not {"CHECK", "status_in"} & columns()


def test_every_field_of_a_task_in_rest_is_on_the_page() -> None:
    assert set(TaskView.model_fields) - words(0) == set()


def test_every_column_of_tasks_is_on_the_page_and_no_other() -> None:
    assert columns() - words(2) == set()
    assert {word for word in words(2) if word.isidentifier()} - columns() == set()


def test_every_field_of_the_resource_is_on_the_page() -> None:
    aliases = {field.alias or name for name, field in TaskSpec.model_fields.items()}
    assert aliases - resource_words("spec") == set()
    aliases = {field.alias or name for name, field in TaskStatus.model_fields.items()}
    assert aliases - resource_words("status") == set()
