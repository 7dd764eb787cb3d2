"""Provides a kind cluster, where Docker or Podman answers."""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from darkroom_cluster import binary, commands, engine
from darkroom_cluster.cluster import Cluster
from darkroom_cluster.ports import free_port
from darkroom_cluster.progress import step

CONFIG = Path(__file__).parents[2] / "kind.yaml"


class Kind:
    """The provider for machines with an engine."""

    def prepare(self) -> None:
        """See that the engine answers and that there is kind."""
        engine.required()
        binary.kind_path()

    def ensure(self, name: str, state: Path) -> Cluster:
        """Find the cluster or create it."""
        home = state.resolve() / "clusters" / name
        home.mkdir(parents=True, exist_ok=True)
        kubeconfig, recorded = home / "kubeconfig", home / "ports.json"
        if self._name(name) not in self._kind("get", "clusters").split():
            port = free_port()
            recorded.write_text(json.dumps({"web": port}))
            config = home / "kind.yaml"
            config.write_text(CONFIG.read_text().replace("hostPort: 8080", f"hostPort: {port}"))
            with step(f"Creating the kind cluster {self._name(name)}"):
                flags = (f"--config={config}", f"--kubeconfig={kubeconfig}", "--wait=120s")
                self._kind("create", "cluster", f"--name={self._name(name)}", *flags)
        self._kind(
            "export", "kubeconfig", f"--name={self._name(name)}", f"--kubeconfig={kubeconfig}"
        )
        port = json.loads(recorded.read_text())["web"]
        return Cluster(name, "kind", kubeconfig, f"http://127.0.0.1:{port}")

    def stop(self, name: str, state: Path) -> None:
        """Delete the cluster."""
        if engine.find() is not None:
            self._kind("delete", "cluster", f"--name={self._name(name)}")
        shutil.rmtree(state.resolve() / "clusters" / name, ignore_errors=True)

    def build_image(self, name: str, dockerfile: Path, context: Path, tag: str) -> str:
        """Build the image with the engine."""
        return engine.build(f"localhost/{name}:{tag}", dockerfile, context)

    def load_images(self, cluster: Cluster, images: Sequence[str]) -> None:
        """Load the images; kind itself skips what its node has."""
        for image in images:
            with step(f"Loading {image}"):
                self._kind("load", "docker-image", image, f"--name={self._name(cluster.name)}")

    def reach(self, cluster: Cluster, namespace: str, service: str) -> None:
        """Do nothing: kind itself leads its NodePort to the machine."""

    def _name(self, name: str) -> str:
        return f"darkroom-{name}"

    def _kind(self, *arguments: str) -> str:
        if engine.required() == "podman":
            os.environ.setdefault("KIND_EXPERIMENTAL_PROVIDER", "podman")
        return commands.run([str(binary.kind_path()), *arguments]).stdout
