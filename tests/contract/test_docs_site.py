"""What the site makes of the links that pages have for the repository."""

import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"
PAGE = "howto/own-processor.md"


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(TOOLS), *sys.path])


def linked(text: str, source: str = "https://example.com/blob/main", page: str = PAGE) -> str:
    from docs_hook import with_links_of_the_site  # noqa: PLC0415  # a script's neighbour

    return with_links_of_the_site(text, page, source)


def test_a_file_outside_is_looked_at_in_the_repository() -> None:
    told = linked("[it](../../examples/processor/README.md#why)")
    assert told == "[it](https://example.com/blob/main/examples/processor/README.md#why)"


def test_without_a_repository_its_path_is_told() -> None:
    assert linked("[it](../../Makefile)", source="") == "it (`Makefile`)"


def test_a_file_from_elsewhere_that_is_a_page_is_linked_as_one() -> None:
    assert linked("[it](../../CHANGELOG.md#unreleased)") == "[it](../changelog.md#unreleased)"
    assert linked("[it](../../api/openapi.json)") == "[it](../reference/openapi.json)"


def test_its_own_links_lead_from_where_it_lies() -> None:
    text = "[a page](docs/reference/cli.md) [a file](Makefile)"
    told = linked(text, page="changelog.md")
    assert told == "[a page](reference/cli.md) [a file](https://example.com/blob/main/Makefile)"


@pytest.mark.parametrize(
    "text",
    [
        "[a page](../reference/cli.md#darkroom-api)",
        "[a neighbour](install.md)",
        "![a picture](../flow.svg)",
        "[the world](https://example.org/a.md)",
        # Left as it is, so that the strict build tells of it.
        "[nothing](../../no/such/file.py)",
    ],
)
def test_all_else_is_left_to_mkdocs(text: str) -> None:
    assert linked(text) == text
