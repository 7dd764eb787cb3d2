"""Provides the cluster of the kubeconfig's current context, whoever runs it."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from darkroom_cluster import binary, engine
from darkroom_cluster.cluster import NODE_PORT, Cluster, ClusterError
from darkroom_cluster.progress import step


class Context:
    """The provider for people who have a cluster."""

    def ensure(self, name: str, state: Path) -> Cluster:
        """Copy the context out of the kubeconfig and see that its cluster answers."""
        kubeconfig = state.resolve() / "clusters" / name / "kubeconfig"
        kubeconfig.parent.mkdir(parents=True, exist_ok=True)
        view = engine.run(_kubectl("config", "view", "--minify", "--flatten", "--output=json"))
        kubeconfig.touch(mode=0o600)
        kubeconfig.write_text(view.stdout)
        listed = engine.run(_kubectl("get", "nodes", "--output=json", f"--kubeconfig={kubeconfig}"))
        url = os.environ.get("CLUSTER_URL") or _node_url(json.loads(listed.stdout)["items"])
        return Cluster(name, "current", kubeconfig, url)

    def stop(self, name: str, state: Path) -> None:
        """Forget the copy; the cluster is not ours to stop."""
        (state.resolve() / "clusters" / name / "kubeconfig").unlink(missing_ok=True)

    def build_image(self, name: str, dockerfile: Path, context: Path, tag: str) -> str:
        """Build the image with the engine, named for the registry that the cluster pulls from."""
        return engine.build(f"{_registry()}/{name}:{tag}", dockerfile, context)

    def load_images(self, cluster: Cluster, images: Sequence[str]) -> None:
        """Push the images to the registry."""
        for image in images:
            with step(f"Pushing {image} for {cluster.name}"):
                engine.run([engine.required(), "push", image])


def _registry() -> str:
    if registry := os.environ.get("REGISTRY"):
        return registry
    raise ClusterError(
        "CLUSTER=current needs REGISTRY, the registry (and folder) that you may push to and "
        "the cluster pulls from, as in REGISTRY=registry.example.com/darkroom."
    )


def _kubectl(*arguments: str) -> list[str]:
    return [str(binary.kubectl_path()), *arguments]


def _node_url(nodes: list[dict[str, Any]]) -> str:
    addresses = [address for node in nodes for address in node["status"]["addresses"]]
    for kind in ("ExternalIP", "InternalIP"):
        for address in addresses:
            if address["type"] == kind:
                return f"http://{address['address']}:{NODE_PORT}"
    raise ClusterError("The cluster's nodes have no address: say how to reach it in CLUSTER_URL.")
