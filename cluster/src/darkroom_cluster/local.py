"""Provides a node of our own, and images built by buildah."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from darkroom_cluster import archives, binary, buildah, containers, requirements
from darkroom_cluster.cluster import Cluster, ClusterError, user_cache
from darkroom_cluster.node import Node
from darkroom_cluster.progress import step


class Local:
    """The provider for Linux machines without an engine."""

    def prepare(self) -> None:
        """Say all that this machine lacks, or get it."""
        requirements.provide(spacious=binary.home().exists())

    def ensure(self, name: str, state: Path) -> Cluster:
        """Find the node or start it."""
        self.prepare()
        return Node(name, state).ensure()

    def stop(self, name: str, state: Path) -> None:
        """Remove the node."""
        Node(name, state).stop()

    def build_image(self, name: str, dockerfile: Path, context: Path, tag: str) -> str:
        """Build the image with buildah."""
        self.prepare()
        return buildah.build(name, dockerfile, context, tag)

    def load_images(self, cluster: Cluster, images: Sequence[str]) -> None:
        """Load into the node's containerd what it lacks."""
        # The kubeconfig is in the node's directory: STATE/clusters/NAME/kubeconfig.
        process = Node(cluster.name, cluster.kubeconfig.parents[2]).process()
        if process is None:
            raise ClusterError(f"The cluster {cluster.name} is not running.")
        has = containers.present(process.pid)
        for image in images:
            if image in has:
                continue
            with step(f"Loading {image}"), tempfile.TemporaryDirectory(dir=user_cache()) as aside:
                whole, thin = Path(aside) / "whole.tar", Path(aside) / "thin.tar"
                buildah.save_uncompressed(image, whole)
                archives.write_lacking(whole, thin, containers.blobs(process.pid))
                containers.load(process.pid, [thin])

    def reach(self, cluster: Cluster, namespace: str, service: str) -> None:
        """Do nothing: the node itself leads its NodePort to the machine."""
