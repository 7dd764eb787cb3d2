"""What the documentation tells people to type is there: commands, flags, values, fields, routes."""

import itertools
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from darkroom_api.__main__ import _parser
from darkroom_cluster.binary import helm_path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
TEXTS = {page: page.read_text() for page in PAGES}
# Values that only say what to put there.
NEEDED = ["--set", "storage.s3.bucket=BUCKET", "--set", "database.external.existingSecret=NAME"]


def blocks(text: str, *languages: str) -> Iterator[str]:
    for language, body in re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        if language in languages:
            yield body


def commands(program: str) -> list[tuple[str, str]]:
    """Every command of a program in a block of a page, its lines joined."""
    return [
        (page.name, line)
        for page, text in TEXTS.items()
        for block in blocks(text, "", "sh", "bash")
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith(f"{program} ")
    ]


def helm_commands() -> list[tuple[str, list[str]]]:
    kinds = {"install", "upgrade", "template"}
    split = [(page, shlex.split(line.split(" | ")[0])[1:]) for page, line in commands("helm")]
    return [(page, words) for page, words in split if words[0] in kinds]


@pytest.mark.parametrize(("page", "words"), helm_commands())
def test_the_chart_takes_every_value_and_profile_that_a_page_names(
    page: str, words: list[str]
) -> None:
    assert page
    told = [
        argument
        for flag, value in itertools.pairwise(words)
        if flag in {"--set", "--values"}
        for argument in (flag, value)
    ]
    if not {"--reuse-values", "--reset-then-reuse-values"}.isdisjoint(words):
        # What is reused are the values of an installation with one's own stores.
        told = ["--values", "charts/darkroom/values-production.yaml", *NEEDED, *told]
    done = run(str(helm_path()), "template", "darkroom", "charts/darkroom", *told)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("page", "words"), helm_commands())
def test_helm_knows_every_flag_that_a_page_names(page: str, words: list[str]) -> None:
    assert page
    known = run(str(helm_path()), words[0], "--help").stdout
    flags = [word.split("=")[0] for word in words if word.startswith("--")]
    assert [flag for flag in flags if not re.search(rf"{flag}\b", known)] == []


def test_every_value_of_the_chart_that_the_text_names_exists() -> None:
    values = yaml.safe_load((ROOT / "charts/darkroom/values.yaml").read_text())
    roots = "|".join(values)
    named = {
        (page.name, path)
        for page, text in TEXTS.items()
        for path in re.findall(rf"`((?:{roots})(?:\.\w+)+)(?:=[^`]*)?`", text)
    }
    assert len(named) > 20
    assert {
        (page, path)
        for page, path in named
        # A module of the code may be called like a value.
        if not (has(values, path) or path.endswith(".py"))
    } == set()


def has(values: Any, path: str) -> bool:
    """Whether the chart has this value, or one in which anything may be said."""
    for name in path.split("."):
        if values in ({}, None):
            return True
        if not isinstance(values, dict) or name not in values:
            return False
        values = values[name]
    return True


def commands_of_the_api() -> list[tuple[str, list[str]]]:
    ran = []
    for page, line in commands("kubectl"):
        _, found, rest = line.partition("python -m darkroom_api ")
        if found:
            words = shlex.split(re.split(r" [<>|] ", f"{rest} ")[0])
            # Where a page has a letter for a number.
            ran.append((page, ["1" if word == "N" else word for word in words]))
    return ran


@pytest.mark.parametrize(("page", "words"), commands_of_the_api())
def test_the_api_takes_every_command_that_a_page_runs(page: str, words: list[str]) -> None:
    assert page
    # A command that argparse does not know would end the process.
    assert callable(_parser().parse_args(words).run)


def test_every_field_that_kubectl_explains_exists() -> None:
    asked = {
        path for text in TEXTS.values() for path in re.findall(r"kubectl explain ([\w.]+)", text)
    }
    assert asked
    for path in asked:
        singular, *fields = path.split(".")
        schema = schemas()[singular]
        for field in fields:
            schema = (schema.get("items") or schema)["properties"][field]
        assert schema["description"]


def schemas() -> dict[str, Any]:
    found = {}
    for file in (ROOT / "crds").glob("*.darkroom.dev.yaml"):
        spec = yaml.safe_load(file.read_text())["spec"]
        found[spec["names"]["singular"]] = spec["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def test_every_route_that_a_page_asks_for_is_in_the_openapi_document() -> None:
    known = [
        re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))
        for path in json.loads((ROOT / "api/openapi.json").read_text())["paths"]
    ]
    asked = {
        (page.name, a_path(path))
        for page, text in TEXTS.items()
        for path in re.findall(r"\$DARKROOM_URL(/v1/(?:\$\([^)]*\)|[^\s\"'?`|)])+)", text)
    }
    assert len(asked) > 30
    assert {one for one in asked if not any(route.fullmatch(one[1]) for route in known)} == set()


def a_path(path: str) -> str:
    """A path with names where the shell would put them."""
    return re.sub(r"\$\([^)]*\)|\$\{[^}]*\}|\$\w+", "x", path).rstrip("/")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
