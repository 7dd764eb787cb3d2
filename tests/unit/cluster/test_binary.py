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


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ('{"clientVersion": {"gitVersion": "v1.32.4-dispatcher"}}', (1, 32)),
        ("v3.18.4+gd80839c", (3, 18)),
        ("kind v0.32.0 go1.26.8 linux/amd64", (0, 32)),
        ("error: unknown flag", (0, 0)),
    ],
)
def test_the_version_is_found_in_what_a_program_says(said: str, expected: tuple[int, int]) -> None:
    assert binary.version(said) == expected


def _program(directory: Path, said: str) -> Path:
    program = directory / "helm"
    program.write_text(f"#!/bin/sh\necho {said}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("said", "taken"), [("v4.1.0", True), ("v3.10.0", True), ("v3.2.1", False)]
)
def test_a_program_in_the_path_is_taken_if_it_is_recent_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, *, taken: bool
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    built = tmp_path / "built"
    monkeypatch.setattr(binary, "_built_alone", lambda *_: built)
    program = _program(tmp_path, said)

    found = binary.helm_path.__wrapped__()

    assert found == (program if taken else built)
