"""A Kubernetes for whoever has none at hand: a node of our own, kind, or the current context."""

from darkroom_cluster.binary import helm_path, kubectl_path
from darkroom_cluster.cluster import Cluster
from darkroom_cluster.providers import build_image, ensure, load_images, stop

__all__ = [
    "Cluster",
    "build_image",
    "ensure",
    "helm_path",
    "kubectl_path",
    "load_images",
    "stop",
]
