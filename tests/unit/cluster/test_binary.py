from pathlib import Path

import pytest
from darkroom_cluster import binary


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name in ("go.mod", "go.sum", "main.go", "forward.go"):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_the_same_source_has_the_same_key(source: Path) -> None:
    assert binary.key(source) == binary.key(source)


@pytest.mark.parametrize("name", ["go.mod", "go.sum", "main.go", "forward.go"])
def test_any_change_of_the_source_is_another_key(source: Path, name: str) -> None:
    before = binary.key(source)

    (source / name).write_text("changed")

    assert binary.key(source) != before


def test_what_is_not_source_is_not_in_the_key(source: Path) -> None:
    before = binary.key(source)

    (source / "README.md").write_text("about")

    assert binary.key(source) == before
