"""docs/reference/fields.md maps REST field, resource field and column, and leaves none out."""

import re
from importlib.resources import files
from pathlib import Path

import pytest
from darkroom_api import migrate
from darkroom_api.batches.schemas import BatchView
from darkroom_api.recipes.schemas import RecipeView
from darkroom_api.schedules.schemas import ScheduleView
from darkroom_api.tasks.schemas import TaskView
from darkroom_api.uploads.schemas import UploadView
from darkroom_core.preset import RecipeSpec
from darkroom_core.schedule import ScheduleSpec, ScheduleStatus
from darkroom_core.task import TaskSpec, TaskStatus
from pydantic import BaseModel

PAGE = Path(__file__).parents[2] / "docs/reference/fields.md"
ADDED = re.compile(r"ADD COLUMN (?:IF NOT EXISTS )?(\w+)")
TASK, UPLOAD, BATCH = "What a task is", "Uploads", "Batches"
SCHEDULE, RECIPE = "Schedules", "Recipes"


def part(first: str) -> str:
    """The page from one heading to that of the next thing."""
    after = {TASK: UPLOAD, UPLOAD: BATCH, BATCH: SCHEDULE, SCHEDULE: RECIPE}
    found = PAGE.read_text().partition(f"\n## {first}\n")[2]
    assert found, first
    return found.partition(f"\n## {after[first]}\n")[0] if first in after else found


def cells(text: str) -> list[list[str]]:
    """The rows of the tables: REST, resource, column."""
    rows = [line.split("|")[1:-1] for line in text.splitlines() if "|" in line]
    return [row for row in rows if "---" not in row[0] and row[0].strip() != "REST"]


def words(thing: str, column: int) -> set[str]:
    """What is in code in that column; of `a.b` also `a`."""
    rows = cells(part(thing))
    found = {word for row in rows for word in re.findall(r"`([\w.\[\]-]+)`", row[column])}
    return {word.split(".")[0].removesuffix("[]") for word in found} | found


def resource_words(thing: str, prefix: str) -> set[str]:
    return set(re.findall(rf"`{prefix}\.(\w+)", part(thing)))


def columns(table: str) -> set[str]:
    made = re.compile(rf"CREATE TABLE {table} \((.*?)^\);", re.DOTALL | re.MULTILINE)
    changed = re.compile(rf"ALTER TABLE {table}\b(.*?);", re.DOTALL)
    found: set[str] = set()
    for migration in migrate.migrations():
        if match := made.search(migration.up):
            found |= set(re.findall(r"^    (\w+) \w", match[1], re.MULTILINE)) - {"PRIMARY"}
        for altered in changed.findall(migration.up):
            found |= set(ADDED.findall(altered))
            found -= set(re.findall(r"DROP COLUMN (?:IF EXISTS )?(\w+)", altered))
    return found


def test_migrations_are_read_as_postgres_reads_them() -> None:
    assert (files("darkroom_api") / "migrations").is_dir()
    assert {"id", "submit_error", "dead_lettered", "source_facts"} <= columns("tasks")
    assert not {"CHECK", "status_in"} & columns("tasks")
    assert columns("batches") == {"id", "owner", "metadata", "created_at"}


@pytest.mark.parametrize(
    ("thing", "view"),
    [
        (TASK, TaskView),
        (UPLOAD, UploadView),
        (BATCH, BatchView),
        (SCHEDULE, ScheduleView),
        (RECIPE, RecipeView),
    ],
)
def test_every_field_in_rest_is_on_the_page_and_no_other(thing: str, view: type[BaseModel]) -> None:
    shown = words(thing, 0)
    assert set(view.model_fields) - shown == set()
    if thing != TASK:  # whose headers are there too
        assert shown - set(view.model_fields) == set()


def test_every_column_of_tasks_is_on_the_page_and_no_other() -> None:
    shown = words(TASK, 2)
    assert columns("tasks") - shown == set()
    assert {word for word in shown if word.isidentifier()} - columns("tasks") == set()


@pytest.mark.parametrize(
    ("thing", "tables"), [(UPLOAD, ["uploads", "files"]), (BATCH, ["batches"])]
)
def test_every_column_of_the_other_tables_is_on_the_page(thing: str, tables: list[str]) -> None:
    known = {column for table in tables for column in columns(table)}
    assert known - words(thing, 2) == set()


@pytest.mark.parametrize(
    ("thing", "prefix", "model"),
    [
        (TASK, "spec", TaskSpec),
        (TASK, "status", TaskStatus),
        (SCHEDULE, "spec", ScheduleSpec),
        (SCHEDULE, "status", ScheduleStatus),
        (RECIPE, "spec", RecipeSpec),
    ],
)
def test_every_field_of_the_resources_is_on_the_page_and_no_other(
    thing: str, prefix: str, model: type[BaseModel]
) -> None:
    aliases = {field.alias or name for name, field in model.model_fields.items()}
    assert resource_words(thing, prefix) == aliases
