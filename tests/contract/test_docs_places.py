"""Files, tests and settings that the documentation names are there."""

import ast
import re
from pathlib import Path

from darkroom_api.settings import Settings as ApiSettings
from darkroom_operator.settings import Settings as OperatorSettings
from pydantic import BaseModel

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for page in ROOT.glob("docs/**/*.md") if page.parent.name != "adr")]
)
FOLDERS = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != ".")


def test_every_path_of_the_repository_that_a_page_names_exists() -> None:
    named = {
        (page.name, path)
        for page in PAGES
        for path in re.findall(rf"[`(]((?:{FOLDERS})/[\w./-]*)(?:::\w+)?[`)]", page.read_text())
    }
    assert len(named) > 100
    assert {
        (page, path)
        for page, path in named
        # A page links to others from where it lies.
        if not (ROOT / path).exists() and not (ROOT / "docs" / path).exists()
    } == set()


def test_every_test_that_a_page_names_exists() -> None:
    named = {
        (page.name, file, name)
        for page in PAGES
        for file, name in re.findall(r"(tests/[\w/]+\.py)::(\w+)", page.read_text())
    }
    assert len(named) > 60
    assert {
        (page, file, name) for page, file, name in named if name not in functions_in(file)
    } == set()


def functions_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def test_every_setting_that_a_page_names_exists() -> None:
    known = variables(ApiSettings) | variables(OperatorSettings) | ELSEWHERE
    named = {
        (page.name, name)
        for page in PAGES
        for name in re.findall(r"\bDARKROOM_[A-Z0-9_]+\b(?!\*)", page.read_text())
        if not name.endswith("_")
    }
    assert {(page, name) for page, name in named if name not in known} == set()


# What is not a setting of the API or the operator.
ELSEWHERE = {
    # `make up` writes them for a shell.
    *("DARKROOM_URL", "DARKROOM_EMAIL", "DARKROOM_PASSWORD"),
    *("DARKROOM_ADMIN_EMAIL", "DARKROOM_ADMIN_PASSWORD"),
    # A processor reads them, and the Postgres for evaluation.
    *("DARKROOM_ASSIGNMENT", "DARKROOM_TERMINATION_LOG", "DARKROOM_POSTGRES_PASSWORD"),
    # `make docs` reads it.
    "DARKROOM_SOURCE_URL",
}


def variables(model: type[BaseModel], prefix: str = "DARKROOM_") -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        variable = f"{prefix}{name.upper()}"
        found.add(variable)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= variables(field.annotation, f"{variable}__")
    return found
