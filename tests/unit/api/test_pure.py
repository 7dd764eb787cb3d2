"""The parts of the API that need nothing but their arguments."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from darkroom_api.__main__ import main
from darkroom_api.auth.schemas import normalised_email
from darkroom_api.errors import ApiError, InvalidError, catalogue
from darkroom_api.openapi import text
from darkroom_api.tasks import cursor
from darkroom_api.tasks.queries import Position, TaskRow
from darkroom_api.tasks.refusals import refusal_of
from darkroom_api.tasks.resource import resource_for
from darkroom_api.tasks.retention import Retention
from darkroom_api.tasks.schemas import TaskView
from darkroom_api.tasks.submission import Claim
from darkroom_api.tasks.submitter import backoff_seconds
from darkroom_api.tasks.views import view_of
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


def row(**changes: object) -> TaskRow:
    values: dict[str, object] = dict.fromkeys(TaskRow.__dataclass_fields__)
    values |= {
        "id": "task-1",
        "namespace": "media",
        "name": "task-1",
        "status": "queued",
        "progress": 0,
        "attempts": 0,
        "tries": [],
        "pool": "default",
        "dead_lettered": False,
        "outputs": [],
        "cleaned_prefixes": [],
        "created_at": NOW,
        "metadata": {},
        "version": 1,
    }
    return TaskRow(**(values | changes))  # type: ignore[arg-type]


def shown(task: TaskRow) -> TaskView:
    return view_of(task, "http://a/", Retention())


@given(
    st.datetimes(timezones=st.timezones()),
    st.text(st.characters(codec="ascii", categories=("L", "N"), include_characters="-")),
)
def test_a_cursor_leads_back_to_its_place(created_at: datetime, task_id: str) -> None:
    place = Position(created_at, task_id)
    try:
        expected = created_at.astimezone(UTC)
    except OverflowError:
        return
    assert cursor.decoded(cursor.encoded(place, digest="d"), digest="d") == Position(
        expected, task_id
    )


@given(st.text(max_size=60))
def test_anything_else_is_no_cursor_but_never_a_crash(word: str) -> None:
    with suppress(InvalidError):
        cursor.decoded(word, digest="d")


def test_backoff_doubles_from_one_second_to_thirty() -> None:
    assert [backoff_seconds(n) for n in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]
    assert backoff_seconds(10_000) == 30


def test_a_task_without_a_spec_is_shown_all_the_same() -> None:
    view = shown(row(status="canceled", uid="u"))
    assert (view.outputs, view.urls.self) == ([], "http://a/v1/tasks/task-1")


def test_a_set_is_shown_as_its_files_and_once_made_as_those_that_there_are() -> None:
    sets = {"widths": [320, 640], "formats": ["webp"]}
    spec = {"outputs": [{"name": "a", "format": "html", "responsive": sets}]}
    waiting = shown(row(spec=spec))
    assert [o.name for o in waiting.outputs] == ["a", "a-320-webp", "a-640-webp"]
    assert {o.output for o in waiting.outputs} == {"a"}
    made = [{"name": name, "format": "webp", "bytes": 1} for name in ("a", "a-320-webp")]
    done = shown(row(spec=spec, status="succeeded", outputs=made, uid="u"))
    assert [o.key for o in done.outputs] == ["outputs/u/a.html", "outputs/u/a-320-webp.webp"]
    assert done.urls.outputs.keys() == {"a", "a-320-webp"}


def test_what_a_recipe_said_at_the_start_is_what_is_shown() -> None:
    spec = {"source": {"key": "uploads/task-1"}, "recipe": "web", "outputs": []}
    view = shown(row(spec=spec, recipe_outputs=[{"name": "a", "format": "png"}]))
    assert (view.recipe, [o.name for o in view.outputs]) == ("web", ["a"])


def test_the_source_is_told_with_its_facts() -> None:
    facts = {
        "format": "jpeg",
        "width": 3,
        "height": 2,
        "bytes": 9,
        "sha256": "0",
        "hasAlpha": False,
    }
    view = shown(row(spec={"source": {"url": "https://a/b"}}, source_facts=facts))
    assert (view.source.url, view.source.bytes, view.source.width) == ("https://a/b", 9, 3)
    assert view.source.has_alpha is False


def test_a_spec_of_another_definition_is_shown_by_its_outputs() -> None:
    spec = {"outputs": [{"name": "a", "format": "png", "hologram": True}]}
    assert [o.name for o in shown(row(spec=spec)).outputs] == ["a"]


def test_the_resource_is_named_like_the_row_and_labelled_with_its_owner() -> None:
    claim = Claim("task-1", None, "media", "task-1", None, {"outputs": []}, NOW, 1, False, None)  # noqa: FBT003
    resource = resource_for(claim, None)
    assert resource["metadata"] == {
        "namespace": "media",
        "name": "task-1",
        "labels": {"app.kubernetes.io/managed-by": "darkroom-api"},
    }


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (json.dumps({"kind": "Status", "message": "no"}), "no"),
        ('{"reason": "Forbidden"}', "Forbidden"),
        (b"<html>", "<html>"),
        ("[]", "[]"),
        ("x" * 2000, "x" * 1024),
        ('{"message": "no\\u0000"}', "no"),
        (b"no\0", "no"),
    ],
)
def test_a_refusal_is_one_sentence(body: str | bytes, sentence: str) -> None:
    assert refusal_of(body) == sentence


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("ADA@Example.com", "ada@example.com"), ("a+b@sub.internal", "a+b@sub.internal")],
)
def test_an_address_is_normalised(sent: str, kept: str) -> None:
    assert normalised_email(sent) == kept


@pytest.mark.parametrize("text", ["ada", "ada@", "@x.com", "a b@x.com", "ada@localhost", "a@x..y"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="this is not an e-mail address"):
        normalised_email(text)


def test_every_error_has_a_code_of_its_own_and_says_what_it_means() -> None:
    kinds = ApiError.__subclasses__()
    assert len(catalogue()) == len(kinds)
    assert all(kind.__doc__ and 400 <= kind.status < 600 for kind in kinds)


def test_openapi_is_the_same_every_time_and_names_every_operation() -> None:
    document = json.loads(text())
    operations = [op for path in document["paths"].values() for op in path.values()]
    names = [operation["operationId"] for operation in operations]

    assert text() == text()
    assert len(set(names)) == len(names)
    assert all("_" not in name for name in names)
    assert all(operation["tags"] for operation in operations)
    assert "x-kubernetes" not in text()


def test_every_reference_in_openapi_leads_somewhere() -> None:
    document = text()
    schemas = json.loads(document)["components"]["schemas"]
    parts = document.split('"#/components/schemas/')[1:]
    assert {part.split('"')[0] for part in parts} <= schemas.keys()


def test_the_command_line_tells_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DARKROOM_DATABASE_URL", raising=False)
    monkeypatch.delenv("DARKROOM_JWT_KEY", raising=False)

    assert main(["migrate", "up"]) == 1
    assert capsys.readouterr().err == "darkroom-api: set DARKROOM_DATABASE_URL\n"
    assert main(["serve"]) == 1
    assert "DARKROOM_JWT_KEY: field required" in capsys.readouterr().err
