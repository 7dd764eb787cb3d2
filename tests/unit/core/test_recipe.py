"""The models refuse what the API server refuses, with a sentence that helps."""

from typing import Any

import pytest
from darkroom_core.task import TaskSpec
from pydantic import ValidationError

SOURCE = {"key": "uploads/a"}


def spec(**changes: Any) -> dict[str, Any]:
    return {"source": SOURCE, "outputs": [{"name": "a", "format": "webp"}], **changes}


def output(**changes: Any) -> dict[str, Any]:
    return spec(outputs=[{"name": "a", "format": "webp", **changes}])


def operation(**kinds: Any) -> dict[str, Any]:
    return output(operations=[kinds])


REFUSED = [
    (spec(outputs=[]), "at least 1 item"),
    (spec(outputs=[{"name": f"o{i}", "format": "png"} for i in range(65)]), "at most 64 items"),
    (spec(outputs=[{"name": "a", "format": "png"}] * 2), "two outputs have the same name"),
    (output(format="gif"), "'jpeg', 'png' or 'webp'"),
    (output(name="A"), "String should match pattern"),
    (output(name=""), "at least 1 character"),
    (operation(resize={}), "a width or a height"),
    (operation(resize={"width": 0}), "greater than or equal to 1"),
    (operation(resize={"width": 16385}), "less than or equal to 16384"),
    (operation(), "exactly one of"),
    (operation(grayscale={}, flip={"direction": "vertical"}), "exactly one of"),
    (operation(blur={}), "Extra inputs are not permitted"),
    (output(format="png", quality=80), "png has no such setting"),
    (output(format="jpeg", lossless=True), "lossless is for webp"),
    (output(progressive=True), "progressive is for jpeg"),
    (spec(source={}), "exactly one of key and url"),
    (spec(source={"key": "a", "url": "https://example.com"}), "exactly one of key and url"),
    (spec(source={"key": "../secret"}), "String should match pattern"),
    (spec(source={"key": "a/./b"}), "String should match pattern"),
    (spec(source={"url": "file:///etc/passwd"}), "String should match pattern"),
    (spec(retries=11), "less than or equal to 10"),
    (spec(deadlineSeconds=0), "greater than or equal to 1"),
]


@pytest.mark.parametrize(("document", "sentence"), REFUSED)
def test_a_bad_spec_is_refused_with_a_sentence(document: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        TaskSpec.model_validate(document)


def test_the_defaults_are_those_of_the_resource() -> None:
    assert TaskSpec.model_validate(spec()).document() == {
        "type": "Image",
        "source": SOURCE,
        "outputs": [
            {
                "name": "a",
                "operations": [],
                "format": "webp",
                "lossless": False,
                "progressive": False,
                "autoOrient": True,
            }
        ],
        "pool": "default",
        "priority": "Default",
        "suspend": False,
        "retries": 2,
        "backoff": {"initialSeconds": 10, "maxSeconds": 300},
        "deadlineSeconds": 600,
        "ttlSecondsAfterFinished": 600,
    }
