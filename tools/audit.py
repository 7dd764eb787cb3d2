"""`make audit`: licences, Dockerfiles, shell and known vulnerabilities.

All but the vulnerabilities need no network, and are part of `make check`. Static security checks of
the Python code are ruff's (S), which `make check` runs with all of its rules.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from licences import closure, objections

ROOT: Final = Path(__file__).resolve().parent.parent
IMAGES: Final = {
    "api": ("darkroom-api", ("evaluation", "tracing")),
    "operator": ("darkroom-operator", ("tracing",)),
    "processor-image": ("darkroom-processor", ()),
}
_SCRIPTS: Final = [".ci/run"]
_UNKNOWN: Final = 2
# The programs of the development environment.
_BESIDE: Final = Path(sys.executable).parent


def main() -> int:
    """Return 0 where nothing is wrong, 1 where something is, 2 where it could not be found out."""
    parser = argparse.ArgumentParser(prog="make audit", description=__doc__)
    parser.add_argument("--offline", action="store_true", help="leave vulnerabilities out")
    parser.add_argument("--uv", default="uv", help="the uv that reads the lock")
    options = parser.parse_args()
    wrong = [
        *(line for image in IMAGES.values() for line in _licences(options.uv, *image)),
        *_said("hadolint", *(f"{part}/Dockerfile" for part in IMAGES)),
        *_said("shellcheck", *_SCRIPTS),
    ]
    for line in wrong:
        print(line, file=sys.stderr)
    if options.offline:
        return bool(wrong)
    unknown, vulnerable = _vulnerabilities(options.uv)
    for line in vulnerable:
        print(line, file=sys.stderr)
    if unknown:
        print(
            f"{len(unknown)} packages could not be audited, {unknown[0]} for one: the index "
            "tells of no vulnerabilities here. Run it where pypi.org itself is reached.",
            file=sys.stderr,
        )
    return 1 if wrong or vulnerable else _UNKNOWN if unknown else 0


def _licences(uv: str, package: str, extras: Iterable[str]) -> Iterator[str]:
    for objection in objections(closure(uv, package, extras)):
        yield f"{package}: {objection}"


def _said(program: str, *arguments: str) -> list[str]:
    command = [str(_BESIDE / program), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).splitlines() if done.returncode else []


def _vulnerabilities(uv: str) -> tuple[list[str], list[str]]:
    """Return the packages that could not be audited, and a line for each vulnerability."""
    export = [uv, "export", "--quiet", "--frozen", "--no-dev", "--all-packages", "--all-extras"]
    with tempfile.NamedTemporaryFile(suffix=".txt") as locked:
        subprocess.run([*export, "--no-emit-workspace", "-o", locked.name], cwd=ROOT, check=True)
        command = [str(_BESIDE / "pip-audit"), "--disable-pip", "--require-hashes"]
        done = subprocess.run(
            [*command, "-r", locked.name, "--format", "json", "--progress-spinner", "off"],
            capture_output=True,
            text=True,
            check=False,
        )
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return [f"everything ({done.stderr.strip().splitlines()[-1]})"], []
    return (
        [f"{package['name']}" for package in found if "skip_reason" in package],
        [
            f"{package['name']} {package['version']}: {known['id']}, mended in "
            f"{', '.join(known['fix_versions']) or 'no version yet'}"
            for package in found
            for known in package.get("vulns", ())
        ],
    )


if __name__ == "__main__":
    raise SystemExit(main())
