"""The models refuse what the API server refuses, with a sentence that helps."""

from typing import Any

import pytest
from darkroom_core.preset import RecipeSpec
from darkroom_core.task import TaskSpec
from pydantic import ValidationError

SOURCE = {"key": "uploads/a"}


def spec(**changes: Any) -> dict[str, Any]:
    return {"source": SOURCE, "outputs": [{"name": "a", "format": "webp"}], **changes}


def output(**changes: Any) -> dict[str, Any]:
    return spec(outputs=[{"name": "a", "format": "webp", **changes}])


def operation(**kinds: Any) -> dict[str, Any]:
    return output(operations=[kinds])


def typed(type_: str, **changes: Any) -> dict[str, Any]:
    return {"type": type_, **changes}


ONE = [{"name": "a", "format": "webp"}]
SOURCES = [{"key": "uploads/a"}, {"url": "https://example.com/b.png", "caption": "B"}]
PDF = [{"name": "a", "format": "pdf"}]
POSTER = [{"name": "a", "format": "webp", "video": {"poster": {}}}]
SET = {"widths": [320, 640], "formats": ["avif", "jpeg"]}
MANY = {"widths": list(range(1, 13)), "formats": ["avif", "jpeg"]}

REFUSED = [
    (spec(outputs=[]), "a task has outputs or a recipe"),
    (spec(outputs=[{"name": f"o{i}", "format": "png"} for i in range(65)]), "at most 64 items"),
    (spec(outputs=[{"name": "a", "format": "png"}] * 2), "two outputs have the same name"),
    (output(format="psd"), "Input should be 'jpeg', 'png'"),
    (output(name="A"), "String should match pattern"),
    (output(name=""), "at least 1 character"),
    (operation(resize={}), "a width, a height or a scale"),
    (operation(resize={"width": 0}), "greater than or equal to 1"),
    (operation(resize={"width": 16385}), "less than or equal to 16384"),
    (operation(), "exactly one"),
    (operation(grayscale={}, flip={"direction": "vertical"}), "exactly one"),
    (operation(grayscale={"amount": 1}), "Extra inputs are not permitted"),
    (output(format="png", quality=80), "quality is for jpeg"),
    (output(format="jpeg", lossless=True), "lossless is for webp"),
    (output(progressive=True), "progressive is for jpeg"),
    (output(format="vtt"), "Input should be 'jpeg'"),
    (
        spec(outputs=[{"name": "a", "format": "html", "responsive": {**SET, "formats": ["pdf"]}}]),
        "Input should be 'avif'",
    ),
    (
        operation(overlay={"source": SOURCE, "gravity": "entropy"}),
        "Input should be 'center'",
    ),
    (output(format="html"), "responsive goes with format html"),
    (spec(source={}), "exactly one of key and url"),
    (spec(source={"key": "a", "url": "https://example.com"}), "exactly one of key and url"),
    (spec(source={"key": "../secret"}), "String should match pattern"),
    (spec(source={"key": "a/./b"}), "String should match pattern"),
    (spec(source={"url": "file:///etc/passwd"}), "String should match pattern"),
    (spec(retries=11), "less than or equal to 10"),
    (spec(deadlineSeconds=0), "greater than or equal to 1"),
    (spec(sources=SOURCES), "has a source, and no sources"),
    (spec(recipe="web"), "outputs or a recipe"),
    (typed("Image", outputs=ONE), "has a source, and no sources"),
    (typed("Inspect", source=SOURCE, outputs=ONE), "Inspect or Cleanup has neither"),
    (typed("Video", source=SOURCE, outputs=ONE), "says by video what it is"),
    (typed("Image", source=SOURCE, outputs=POSTER), "says by video what it is"),
    (typed("Report", source=SOURCE, outputs=PDF), "Report has sources, and no source"),
    (typed("Report", sources=SOURCES, outputs=ONE), "Report are pdf"),
    (typed("Export", outputs=[{"name": "a", "format": "csv"}]), "JSON lines, or the sources"),
    (typed("Export", source=SOURCE, outputs=ONE), "are for tasks of type Export"),
    (
        typed("Export", source=SOURCE, outputs=[{"name": "a", "format": "zip"}]),
        "zip for those with sources",
    ),
    (typed("Cleanup"), "cleanup goes with type Cleanup"),
    (spec(cleanup={"olderThanSeconds": 3600}), "cleanup goes with type Cleanup"),
    (typed("Cleanup", cleanup={"olderThanSeconds": 60}), "greater than or equal to 3600"),
    (
        typed("Cleanup", cleanup={"olderThanSeconds": 3600, "prefix": "../x"}),
        "String should match pattern",
    ),
    (
        spec(outputs=[{"name": f"o{i}", "format": "html", "responsive": MANY} for i in range(3)]),
        "more than 64 files",
    ),
    (
        spec(
            outputs=[
                {"name": "a", "format": "html", "responsive": SET},
                {"name": "a-320-avif", "format": "avif"},
            ]
        ),
        "begins with its name and a hyphen",
    ),
]

ACCEPTED = [
    spec(),
    spec(outputs=[{"name": "a", "format": "html", "responsive": SET}]),
    {"source": SOURCE, "recipe": "web"},
    typed("Inspect", source=SOURCE),
    typed("Video", source=SOURCE, outputs=POSTER),
    typed("Report", sources=SOURCES, outputs=PDF),
    typed("Export", source=SOURCE, outputs=[{"name": "a", "format": "csv"}]),
    typed("Export", sources=SOURCES, outputs=[{"name": "a", "format": "zip"}]),
    typed("Cleanup", cleanup={"olderThanSeconds": 3600, "prefix": "uploads/"}),
]


@pytest.mark.parametrize("document", ACCEPTED)
def test_each_type_has_a_good_spec_that_survives_a_round_trip(document: dict[str, Any]) -> None:
    read = TaskSpec.model_validate(document)
    assert TaskSpec.model_validate(read.document()) == read


@pytest.mark.parametrize(("document", "sentence"), REFUSED)
def test_a_bad_spec_is_refused_with_a_sentence(document: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        TaskSpec.model_validate(document)


def test_the_defaults_are_those_of_the_resource() -> None:
    made = TaskSpec.model_validate(spec()).document()
    assert made["outputs"][0]["autoOrient"] is True
    assert made["outputs"][0]["metadata"] == "strip"
    del made["outputs"]
    assert made == {
        "type": "Image",
        "source": SOURCE,
        "pool": "default",
        "priority": "Default",
        "suspend": False,
        "retries": 2,
        "backoff": {"initialSeconds": 10, "maxSeconds": 300},
        "deadlineSeconds": 600,
        "ttlSecondsAfterFinished": 600,
    }


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"outputs": []}, "at least 1 item"),
        ({"outputs": POSTER}, "says by video what it is"),
        ({"type": "Report", "outputs": PDF}, "of type Image or Video"),
        ({"outputs": [{"name": "a", "format": "csv"}]}, "no tables"),
        ({"outputs": ONE * 2}, "the same name"),
    ],
)
def test_a_recipe_keeps_to_the_laws_of_outputs(changes: dict[str, Any], sentence: str) -> None:
    RecipeSpec.model_validate({"outputs": ONE})
    with pytest.raises(ValidationError, match=sentence):
        RecipeSpec.model_validate({"outputs": ONE, **changes})
