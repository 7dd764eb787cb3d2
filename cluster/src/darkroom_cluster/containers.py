"""Puts images into a node's containerd."""

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from darkroom_cluster import buildah
from darkroom_cluster.cluster import ClusterError, user_cache
from darkroom_cluster.configs import SANDBOX_IMAGE
from darkroom_cluster.layout import SOCKET


def sandbox_archive() -> Path:
    """Return the image of the pods' sandboxes as a file, made once for a machine."""
    archive = user_cache() / "images" / f"{SANDBOX_IMAGE.replace('/', '-').replace(':', '-')}.tar"
    if not archive.exists():
        buildah.build_sandbox(SANDBOX_IMAGE)
        aside = archive.with_suffix(f".{os.getpid()}")
        buildah.save(SANDBOX_IMAGE, aside)
        aside.replace(archive)
    return archive


def present(pid: int) -> set[str]:
    """Return the images that the node has."""
    return set(_ctr(pid, "images", "list", "--quiet").split())


def blobs(pid: int) -> set[str]:
    """Return the digests of the layers and whatever else the node has content of."""
    return set(_ctr(pid, "content", "list", "--quiet").split())


def load(pid: int, archives: Sequence[Path]) -> None:
    """Load the images in these files."""
    for archive in archives:
        _ctr(pid, "images", "import", "-", source=archive)


def _ctr(pid: int, *command: str, source: Path = Path("/dev/null"), patience: float = 15) -> str:
    enter = ["nsenter", "--target", str(pid), "--mount", "--", "ctr", f"--address={SOCKET}"]
    deadline = time.monotonic() + patience
    while True:
        with source.open("rb") as archive:
            done = subprocess.run(
                [*enter, "--namespace=k8s.io", *command],
                check=False,
                stdin=archive,
                capture_output=True,
                text=True,
            )
        if done.returncode == 0:
            return done.stdout
        if time.monotonic() > deadline:
            raise ClusterError(f"containerd: {' '.join(command)}: {done.stderr.strip()}")
        # It has only just been started.
        time.sleep(0.1)
