"""Docker or Podman, where one answers."""

import functools
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from darkroom_cluster.cluster import ClusterError, user_cache
from darkroom_cluster.progress import step


@functools.cache
def find() -> str | None:
    """Return the engine that answers, if any does; a client alone is none."""
    for name in ("docker", "podman"):
        if shutil.which(name) and _answers(name):
            return name
    return None


def build(image: str, dockerfile: Path, context: Path, build_arguments: Sequence[str] = ()) -> str:
    """Build the image with the engine unless it is built."""
    engine = required()
    if run([engine, "image", "inspect", image], check=False).returncode == 0:
        return image
    log = user_cache() / "logs" / f"image-{image.replace('/', '-').replace(':', '-')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [engine, "build", f"--tag={image}", f"--file={dockerfile}", *build_arguments]
    with step(f"Building the image {image}", log=log), log.open("w") as output:
        built = subprocess.run(
            [*command, str(context)], check=False, stdout=output, stderr=subprocess.STDOUT
        )
        if built.returncode:
            raise ClusterError(f"{engine} build failed: the log is {log}.")
    return image


def required() -> str:
    """Return the engine, or say that there is none."""
    if (engine := find()) is None:
        raise ClusterError("Neither Docker nor Podman answers: start one, or set CLUSTER=node.")
    return engine


def run(command: Sequence[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command quietly; what it said is told if it fails."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if check and done.returncode:
        raise ClusterError(f"{' '.join(command[:3])} failed: {done.stderr.strip()}")
    return done


def _answers(name: str) -> bool:
    try:
        asked = subprocess.run([name, "info"], check=False, capture_output=True, timeout=10)
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0
