"""Docker or Podman, where one answers."""

import functools
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from darkroom_cluster import commands
from darkroom_cluster.cluster import ClusterError
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
    if commands.run([engine, "image", "inspect", image], check=False).returncode == 0:
        return image
    log = commands.log_file(f"image-{image.replace('/', '-').replace(':', '-')}")
    log.unlink(missing_ok=True)
    command = [engine, "build", f"--tag={image}", f"--file={dockerfile}", *build_arguments]
    with step(f"Building the image {image}", log=log):
        commands.logged([*command, str(context)], log)
    return image


def required() -> str:
    """Return the engine, or say that there is none."""
    if (engine := find()) is None:
        raise ClusterError("Neither Docker nor Podman answers: start one, or set CLUSTER=node.")
    return engine


def _answers(name: str) -> bool:
    try:
        asked = subprocess.run([name, "info"], check=False, capture_output=True, timeout=10)
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0
