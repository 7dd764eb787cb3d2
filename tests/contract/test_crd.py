"""The CRD that is checked in says what the models say."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from darkroom_core import crd, names
from darkroom_core.task import TaskSpec, TaskStatus

ROOT = Path(__file__).parents[2]
FILE = ROOT / "crds" / f"{names.TASK.crd}.yaml"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return loaded


@pytest.fixture(scope="module")
def schema(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


@pytest.mark.parametrize("definition", crd.definitions(), ids=lambda d: d["metadata"]["name"])
def test_it_is_what_the_models_make(definition: dict[str, Any]) -> None:
    file = ROOT / "crds" / f"{definition['metadata']['name']}.yaml"
    assert yaml.safe_load(file.read_text()) == definition


def test_the_chart_installs_the_same_and_keeps_it() -> None:
    template = (ROOT / "charts/darkroom/templates/crds" / FILE.name).read_text()
    body = FILE.read_text().split("spec:\n", 1)[1]
    assert body in template
    assert 'helm.sh/resource-policy: "keep"' in template


def test_every_field_is_described_for_kubectl_explain(schema: dict[str, Any]) -> None:
    undescribed = [
        path
        for part in ("spec", "status")
        for path, field in fields(part, schema["properties"][part])
        if not field.get("description")
    ]
    assert undescribed == []


def test_every_string_and_list_is_bounded_or_an_enum(schema: dict[str, Any]) -> None:
    """Without bounds the cost of a rule cannot be estimated, and the API server refuses it."""
    unbounded = [
        path
        for path, field in fields("spec", schema["properties"]["spec"])
        if (field["type"] == "string" and not {"enum", "maxLength"} & field.keys())
        or (field["type"] == "array" and "maxItems" not in field)
    ]
    assert unbounded == []


def test_what_the_models_write_is_valid_in_the_schema(schema: dict[str, Any]) -> None:
    spec = TaskSpec.model_validate(
        {
            "source": {"url": "https://example.com/a.jpg"},
            "outputs": [
                {
                    "name": "thumb",
                    "format": "jpeg",
                    "quality": 70,
                    "operations": [
                        {"crop": {"width": 10, "height": 10}},
                        {"resize": {"width": 5, "fit": "cover"}},
                        {"rotate": {"angle": 90}},
                        {"flip": {"direction": "vertical"}},
                        {"grayscale": {}},
                    ],
                }
            ],
        }
    )
    jsonschema.validate(spec.document(), schema["properties"]["spec"])
    jsonschema.validate(TaskStatus(attempts=1).document(), schema["properties"]["status"])


def fields(path: str, node: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in node.get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from fields(f"{path}.{name}", field.get("items", field))


def test_each_definition_is_small_and_all_of_them_are_in_one_file() -> None:
    """Client-side apply keeps the whole object in an annotation of at most 262,144 bytes."""
    files = sorted((ROOT / "crds").glob("*.darkroom.dev.yaml"))
    assert len(files) == len(crd.definitions())
    for file in files:
        assert file.stat().st_size < 200_000, file.name
    together = list(yaml.safe_load_all((ROOT / "crds/crds.yaml").read_text()))
    by_name = {document["metadata"]["name"]: document for document in together}
    assert by_name == {file.stem: yaml.safe_load(file.read_text()) for file in files}
