"""Whatever the schema lets through and the model takes comes out of the model as it went in."""

from functools import cache
from typing import Any

import jsonschema
import pytest
from darkroom_core.crd import structural
from darkroom_core.pool import PoolSpec
from darkroom_core.preset import RecipeSpec
from darkroom_core.recipe import Operation, Output
from darkroom_core.recipe.video import Video
from darkroom_core.schedule import ScheduleSpec
from darkroom_core.schema import Document
from darkroom_core.source import NamedSource
from darkroom_core.task import Backoff, Cleanup, TaskSpec
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from pydantic import ValidationError

Schema = dict[str, Any]
Strategy = st.SearchStrategy[Any]
ONE_OF: tuple[type[Document], ...] = (Operation, Video)
KINDS = [(model, field.alias) for model in ONE_OF for field in model.model_fields.values()]


@cache
def schema_of(model: type[Document]) -> Schema:
    return structural(model.model_json_schema(by_alias=True))


@cache
def validator_of(model: type[Document]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema_of(model))


def values_of(schema: Schema) -> Strategy:
    """Return what draws JSON that a structural schema lets through."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return {
        "object": objects_of,
        "array": lists_of,
        "boolean": lambda _: st.booleans(),
        "integer": lambda s: st.integers(s.get("minimum", 0), s.get("maximum", 2**31)),
        "number": lambda s: st.floats(s.get("minimum", 0), s.get("maximum", 100)),
        "string": texts_of,
    }[schema["type"]](schema)


def lists_of(schema: Schema) -> Strategy:
    least, most = schema.get("minItems", 0), min(schema.get("maxItems", 2), 2)
    return st.lists(values_of(schema["items"]), min_size=least, max_size=max(least, most))


def texts_of(schema: Schema) -> Strategy:
    longest = schema.get("maxLength", 100)
    if "pattern" in schema:
        # In Python `$` also stands before a last line break.
        text = st.from_regex(schema["pattern"].replace("$", r"\Z"), fullmatch=True)
        return text.filter(lambda text: len(text) <= longest)
    return st.text(min_size=schema.get("minLength", 0), max_size=min(longest, 20))


def objects_of(schema: Schema) -> Strategy:
    needed = schema.get("required", [])
    parts = {name: values_of(field) for name, field in schema.get("properties", {}).items()}
    return st.fixed_dictionaries(
        {name: part for name, part in parts.items() if name in needed},
        optional={name: part for name, part in parts.items() if name not in needed},
    )


def read(model: type[Document], document: Any) -> Document:
    try:
        return model.model_validate(document)
    except ValidationError:
        # A rule about several fields.
        reject()


def comes_out_as_it_went_in(model: type[Document], document: Any) -> None:
    once = read(model, document)
    written = once.document()
    assert model.model_validate(written) == once
    assert model.model_validate_json(once.model_dump_json(by_alias=True)) == once
    assert list(validator_of(model).iter_errors(written)) == []


@pytest.mark.parametrize(("model", "kind"), KINDS, ids=lambda part: getattr(part, "__name__", part))
@settings(max_examples=15, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_each_operation_and_product(model: type[Document], kind: str, data: st.DataObject) -> None:
    schema = schema_of(model)["properties"][kind]
    comes_out_as_it_went_in(model, {kind: data.draw(values_of(schema))})


@pytest.mark.parametrize("model", [Backoff, Cleanup, NamedSource, PoolSpec])
@settings(max_examples=15, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_each_smaller_part(model: type[Document], data: st.DataObject) -> None:
    schema = schema_of(model)
    comes_out_as_it_went_in(model, data.draw(values_of(schema)))


FORMATS = ["jpeg", "png", "webp", "avif", "gif", "tiff", "bmp", "ico", "pdf"]
OUTPUT = schema_of(Output)["properties"]
# What goes with some formats alone is left to the formats' own tests.
ANY_FORMAT = ("metadata", "colorProfile", "background", "animation", "frame", "speed", "autoOrient")
OUTPUTS = st.lists(
    st.fixed_dictionaries(
        {"name": values_of(OUTPUT["name"]), "format": st.sampled_from(FORMATS)},
        optional={name: values_of(OUTPUT[name]) for name in ANY_FORMAT},
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda output: output["name"],
)


@settings(max_examples=30)
@given(OUTPUTS)
def test_tasks_recipes_and_schedules_of_pictures(outputs: list[Schema]) -> None:
    task = {"source": {"key": "uploads/a"}, "outputs": outputs}
    comes_out_as_it_went_in(TaskSpec, task)
    comes_out_as_it_went_in(RecipeSpec, {"outputs": outputs})
    comes_out_as_it_went_in(ScheduleSpec, {"schedule": "* * * * *", "task": {"spec": task}})
