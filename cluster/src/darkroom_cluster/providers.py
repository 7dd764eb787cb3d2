"""Chooses whose cluster to use: what CLUSTER says, or kind where an engine answers, or a node."""

import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from darkroom_cluster import binary, engine
from darkroom_cluster.cluster import Cluster, ClusterError
from darkroom_cluster.context import Context
from darkroom_cluster.kind import Kind
from darkroom_cluster.local import Local
from darkroom_cluster.tunnel import Tunnel


class Provider(Protocol):
    """Whoever has a cluster for us and can bring images into it."""

    def prepare(self) -> None:
        """Say all that is lacking, or get it, before there is any other work."""
        ...

    def ensure(self, name: str, state: Path) -> Cluster:
        """Find the cluster or start it."""
        ...

    def stop(self, name: str, state: Path) -> None:
        """Remove the cluster if it is ours."""
        ...

    def build_image(self, name: str, dockerfile: Path, context: Path, tag: str) -> str:
        """Build the image unless it is built, and return its full name."""
        ...

    def load_images(self, cluster: Cluster, images: Sequence[str]) -> None:
        """Make the images available to the cluster."""
        ...

    def reach(self, cluster: Cluster, namespace: str, service: str) -> None:
        """Make the cluster's URL lead to the Service, which is on NodePort 30080."""
        ...


_PROVIDERS: dict[str, type[Provider]] = {"node": Local, "kind": Kind, "current": Context}


@functools.cache
def choose(wanted: str) -> Provider:
    """Return the provider that is wanted, or for an empty wish the one that fits this machine."""
    chosen = wanted or ("kind" if engine.find() else "node")
    if chosen not in _PROVIDERS:
        raise ClusterError(f"CLUSTER={chosen} is none of {', '.join(_PROVIDERS)}.")
    return _PROVIDERS[chosen]()


def _provider() -> Provider:
    return choose(os.environ.get("CLUSTER", ""))


def prepare() -> None:
    """Say all that this machine lacks for the cluster, or get it."""
    _provider().prepare()


def ensure(name: str, state: Path) -> Cluster:
    """Find the cluster of this name well, or start it; and put kubectl and helm into state/bin."""
    cluster = _provider().ensure(name, state)
    _link_tools(state / "bin")
    return cluster


def stop(name: str, state: Path) -> None:
    """Remove every trace of the cluster; nothing if there is none."""
    # First, and whatever CLUSTER is by now: with the directory goes the note of its process.
    Tunnel(state.resolve() / "clusters" / name).close()
    _provider().stop(name, state)


def reach(cluster: Cluster, namespace: str, service: str) -> None:
    """Make the cluster's URL lead to the installed Service."""
    _PROVIDERS[cluster.kind]().reach(cluster, namespace, service)


def load_images(cluster: Cluster, images: Sequence[str]) -> None:
    """Make locally built images available to the cluster; those that it has are skipped."""
    _PROVIDERS[cluster.kind]().load_images(cluster, images)


def build_image(name: str, dockerfile: Path, context: Path, *, tag: str) -> str:
    """Build an image unless this tag of it is built, and return its full name."""
    return _provider().build_image(name, dockerfile, context, tag)


def _link_tools(directory: Path) -> None:
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    for tool in (binary.kubectl_path(), binary.helm_path()):
        link = directory / tool.name
        # With this directory in PATH it may be the link itself that was found.
        if tool != link and (not link.is_symlink() or link.readlink() != tool):
            link.unlink(missing_ok=True)
            link.symlink_to(tool)
