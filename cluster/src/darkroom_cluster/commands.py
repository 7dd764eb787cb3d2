"""Runs programs; one that is missing or fails ends the work with a sentence that says so."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from darkroom_cluster.cluster import ClusterError, user_cache


def log_file(name: str) -> Path:
    """Return where the log of this name goes, in a directory that is there."""
    log = user_cache() / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    return log


def run(
    command: Sequence[str],
    *,
    check: bool = True,
    given: str = "",
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command quietly; what it said is told if it fails."""
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, input=given, env=environment
        )
    except OSError as error:
        raise ClusterError(f"{command[0]} cannot be run: {error.strerror}.") from error
    if check and done.returncode:
        said = done.stderr.strip() or f"it ended with {done.returncode}"
        raise ClusterError(f"{' '.join(command[:3])} failed: {said}")
    return done


def logged(
    command: Sequence[str],
    log: Path,
    *,
    where: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a command with all that it says appended to the log."""
    with log.open("a") as output:
        try:
            done = subprocess.run(
                command,
                check=False,
                cwd=where,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise ClusterError(f"{command[0]} cannot be run: {error.strerror}.") from error
    if done.returncode:
        raise ClusterError(f"{' '.join(command[:2])} failed: the log is {log}.")
