"""The documentation speaks of what is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("samples/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    local = [target for target in targets if not target.startswith("http")]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_every_place_in_the_source_map_exists() -> None:
    text = (ROOT / "docs/explanation/architecture.md").read_text().split("## Source map")[1]
    places = []
    for row in re.findall(r"^\|[^|]+\|([^|]+)\|", text, re.MULTILINE):
        first = ""
        for place in re.findall(r"`([^`]+)`", row):
            # A second file of a row is named beside the first.
            path = ROOT / place if "/" in place else ROOT / Path(first).parent / place
            first = first or place
            places.append(path)
    assert len(places) > 10
    assert [str(path) for path in places if not path.exists()] == []


def test_every_target_of_make_that_the_documentation_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        name for page in PAGES for name in re.findall(r"(?:`|^)make ([a-z]+)", page.read_text())
    }
    assert named <= targets
