"""What this machine lacks for a node of its own, said before any work is done."""

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from darkroom_cluster import commands
from darkroom_cluster.cluster import ClusterError, alone, user_cache
from darkroom_cluster.progress import step

SEARCH_PATH = os.pathsep.join(
    [os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"]
)
"""Debian leaves the administrators' directories out of many a PATH."""

SPACE = 6_000_000_000
"""Bytes: sources 1.1 GB, compiled packages 3 GB, programs and images 1.5 GB."""

CNI = Path("/usr/lib/cni")


@dataclass(frozen=True)
class Requirement:
    """A program or file, what it is needed for, and the Debian package that brings it."""

    what: str
    purpose: str
    package: str

    def met(self) -> bool:
        """Whether it is here."""
        if self.what.startswith("/"):
            return Path(self.what).exists()
        return shutil.which(self.what, path=SEARCH_PATH) is not None

    def sentence(self) -> str:
        """What is missing and how to get it."""
        return (
            f"{self.what} is missing, which {self.purpose}: install the package {self.package} "
            f"(apt-get install {self.package})."
        )


REQUIREMENTS = (
    Requirement("containerd", "runs the pods", "containerd"),
    Requirement("runc", "starts the containers", "runc"),
    Requirement(f"{CNI}/ptp", "connects the pods", "containernetworking-plugins"),
    Requirement("nft", "routes to Services", "nftables"),
    Requirement("ip", "makes the node's network", "iproute2"),
    Requirement("unshare", "keeps the node apart from the machine", "util-linux"),
    Requirement("setsid", "lets the node outlive the shell", "util-linux"),
    Requirement("buildah", "builds the images", "buildah"),
    Requirement("mmdebstrap", "makes the images' base", "mmdebstrap"),
    Requirement(
        "/usr/share/keyrings/debian-archive-keyring.gpg",
        "vouches for the images' base",
        "debian-archive-keyring",
    ),
    Requirement("/bin/busybox", "holds each pod's namespaces", "busybox-static"),
    Requirement("/etc/ssl/certs/ca-certificates.crt", "vouches for downloads", "ca-certificates"),
)


def missing() -> list[Requirement]:
    """Whatever of the requirements is not here."""
    return [requirement for requirement in REQUIREMENTS if not requirement.met()]


def impossible() -> str | None:
    """Why no package could make this machine run a node, in a sentence."""
    if platform.system() != "Linux":
        return (
            f"A node of our own needs Linux and this is {platform.system()}: start Docker or "
            "Podman and it will be used instead, or set CLUSTER=current to use your kubeconfig."
        )
    if os.geteuid() != 0:
        return (
            "A node of our own makes namespaces and mounts and so needs root: run this as root, "
            "start Docker or Podman to have it used instead, or set CLUSTER=current."
        )
    if "overlay" not in Path("/proc/filesystems").read_text() and not _has_module("overlay"):
        return "The kernel has no overlay file system, which images need: load the module overlay."
    return None


def cramped(free: int) -> str | None:
    """Why so many free bytes are too few for the one-time build, in a sentence."""
    if free >= SPACE:
        return None
    return (
        f"{user_cache()} has {free / 1e9:.1f} GB free, and building Kubernetes and the images once "
        f"takes {SPACE / 1e9:.0f} GB: free some, or set XDG_CACHE_HOME to a place that has them."
    )


def provide(*, spacious: bool = False) -> None:
    """Make this machine able to run a node, or say in one message all that stands in the way.

    `spacious` says that what takes space is here already.
    """
    reasons = [impossible(), None if spacious else cramped(_free())]
    lacking = missing()
    if any(reasons) or (lacking and shutil.which("apt-get") is None):
        sentences = [requirement.sentence() for requirement in lacking]
        raise ClusterError("\n".join([*(reason for reason in reasons if reason), *sentences]))
    if not lacking:
        return
    with alone(user_cache() / "apt-get.lock"):
        _install(sorted({requirement.package for requirement in missing()}))
    if still := missing():
        raise ClusterError("\n".join(requirement.sentence() for requirement in still))


def _free() -> int:
    place = user_cache()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def _install(packages: list[str]) -> None:
    if not packages:
        return
    log = commands.log_file("apt-get")
    log.unlink(missing_ok=True)
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    with step(f"Installing {' '.join(packages)} with apt-get", log=log):
        for command in (["apt-get", "update"], install):
            commands.logged(command, log, environment=quiet)


def _has_module(name: str) -> bool:
    return (
        subprocess.run(["modprobe", name], check=False, capture_output=True).returncode == 0
        if shutil.which("modprobe", path=SEARCH_PATH)
        else False
    )
