"""Provides the cluster of the kubeconfig's current context, whoever runs it."""

import os
from collections.abc import Sequence
from pathlib import Path

from darkroom_cluster import binary, commands, engine
from darkroom_cluster.cluster import Cluster, ClusterError
from darkroom_cluster.progress import step
from darkroom_cluster.tunnel import Tunnel

HELP = """\
CLUSTER=current uses the current context of your kubeconfig, with these variables:
  REGISTRY     the registry and folder that the cluster pulls the images from
  IMAGES_TAG   images that are in REGISTRY already, by their tag; without it they are built with
               Docker or Podman and pushed there
  CLUSTER_URL  how Darkroom's API is reached from here; without it `kubectl port-forward` leads a
               port of 127.0.0.1 to it until the cluster is stopped"""


class Context:
    """The provider for people who have a cluster."""

    def prepare(self) -> None:
        """See that there are images, or what makes them."""
        _registry()
        if not os.environ.get("IMAGES_TAG"):
            engine.required()

    def ensure(self, name: str, state: Path) -> Cluster:
        """Copy the context out of the kubeconfig and see that its cluster answers."""
        home = state.resolve() / "clusters" / name
        home.mkdir(parents=True, exist_ok=True)
        kubeconfig = home / "kubeconfig"
        view = commands.run(_kubectl("config", "view", "--minify", "--flatten", "--output=json"))
        kubeconfig.touch(mode=0o600)
        kubeconfig.write_text(view.stdout)
        commands.run(_kubectl("get", "--raw=/version", f"--kubeconfig={kubeconfig}"))
        url = os.environ.get("CLUSTER_URL")
        return Cluster(
            name, "current", kubeconfig, url or f"http://127.0.0.1:{Tunnel(home).port()}"
        )

    def reach(self, cluster: Cluster, namespace: str, service: str) -> None:
        """Lead the cluster's URL to the Service, unless CLUSTER_URL says that something does."""
        if not os.environ.get("CLUSTER_URL"):
            tunnel = Tunnel(cluster.kubeconfig.parent)
            with step(f"Reaching the Service {service} at {cluster.url}"):
                tunnel.open(binary.kubectl_path(), cluster.kubeconfig, namespace, service)

    def stop(self, name: str, state: Path) -> None:
        """Forget the copy; the cluster is not ours to stop."""
        (state.resolve() / "clusters" / name / "kubeconfig").unlink(missing_ok=True)

    def build_image(self, name: str, dockerfile: Path, context: Path, tag: str) -> str:
        """Build the image with the engine, named for the registry that the cluster pulls from."""
        if ready := os.environ.get("IMAGES_TAG"):
            return f"{_registry()}/{name}:{ready}"
        return engine.build(f"{_registry()}/{name}:{tag}", dockerfile, context)

    def load_images(self, cluster: Cluster, images: Sequence[str]) -> None:
        """Push the images to the registry."""
        if os.environ.get("IMAGES_TAG"):
            return
        for image in images:
            with step(f"Pushing {image} for {cluster.name}"):
                commands.run([engine.required(), "push", image])


def _registry() -> str:
    if registry := os.environ.get("REGISTRY"):
        return registry
    raise ClusterError(
        "CLUSTER=current needs REGISTRY, the registry (and folder) that the cluster pulls from "
        "and, without IMAGES_TAG, you may push to, as in REGISTRY=registry.example.com/darkroom."
    )


def _kubectl(*arguments: str) -> list[str]:
    return [str(binary.kubectl_path()), *arguments]
