"""Every resource of ours that the documentation shows is one that the API server would take."""

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from darkroom_core.names import API_VERSION

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
DEFINITIONS = [
    yaml.safe_load(file.read_text())["spec"] for file in (ROOT / "crds").glob("*.darkroom.dev.yaml")
]
SCHEMAS = {
    definition["names"]["kind"]: definition["versions"][0]["schema"]["openAPIV3Schema"]
    for definition in DEFINITIONS
}


def shown() -> list[Any]:
    found = []
    for page in PAGES:
        for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
            found += [
                pytest.param(document, id=f"{page.stem}-{document['kind']}")
                for document in yaml.safe_load_all(block)
                if isinstance(document, dict) and document.get("apiVersion") == API_VERSION
            ]
    return found


@pytest.mark.parametrize("document", shown())
def test_it_meets_its_definition(document: dict[str, Any]) -> None:
    jsonschema.validate(document, closed(SCHEMAS[document["kind"]]))


def test_every_kind_is_shown_somewhere() -> None:
    assert {case.values[0]["kind"] for case in shown()} == SCHEMAS.keys()


def closed(schema: Any) -> Any:
    """The schema, refusing fields that it does not know, which the API server would drop."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result = {name: closed(part) for name, part in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        result.setdefault("additionalProperties", False)
        if "apiVersion" in schema["properties"]:
            result["properties"]["metadata"] = {"type": "object"}
    return result
