"""Darkroom on a cluster: its three images built, loaded, and the chart installed with them."""

import base64
import hashlib
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from darkroom_cluster import commands
from darkroom_cluster.binary import helm_path, kubectl_path
from darkroom_cluster.cluster import Cluster, ClusterError
from darkroom_cluster.progress import step
from darkroom_cluster.providers import build_image, load_images, reach

RELEASE: Final = "darkroom"
NAMESPACE: Final = "darkroom"
PROFILE: Final = "charts/darkroom/values-kind.yaml"

# What goes into each image, beside the lock and every member's pyproject.toml.
_IMAGE_FOLDERS: Final = {
    "api": ("core", "api"),
    "operator": ("core", "operator"),
    "processor": ("core", "processor-image"),
}


@dataclass(frozen=True)
class Release:
    """An installed Darkroom."""

    cluster: Cluster
    namespace: str

    def kubectl(self, *arguments: str, check: bool = True) -> str:
        """Run kubectl in the release's namespace and return what it printed."""
        command = [str(kubectl_path()), "-n", self.namespace, *arguments]
        done = subprocess.run(
            command,
            env=_environment(self.cluster),
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            msg = f"kubectl {' '.join(arguments)}: {done.stderr.strip()}"
            raise ClusterError(msg)
        return done.stdout

    def admin(self) -> tuple[str, str]:
        """Return the admin's email and password from the Secret that the release made."""
        text = self.kubectl("get", "secret", f"{RELEASE}-secrets", "-o", "json")
        data = json.loads(text)["data"]
        return _decoded(data["admin-email"]), _decoded(data["admin-password"])


def build_images(root: Path, cluster: Cluster) -> dict[str, str]:
    """Build the three images, or find them built, and bring them into the cluster."""
    references = built_images(root)
    load_images(cluster, list(references.values()))
    return references


def built_images(root: Path) -> dict[str, str]:
    """Build the three images, or find them built; return each part's image reference."""
    return {part: built_image(root, part) for part in _IMAGE_FOLDERS}


def built_image(root: Path, part: str) -> str:
    """Build one part's image, or find it built; return its reference."""
    folders = _IMAGE_FOLDERS[part]
    tag = _content_hash(root, folders)
    return build_image(f"darkroom-{part}", root / folders[-1] / "Dockerfile", root, tag=tag)


def install(
    root: Path,
    cluster: Cluster,
    images: Mapping[str, str],
    log: Path,
    *,
    values: Sequence[str] = (),
) -> Release:
    """Install or upgrade the chart for one small node and wait until all of it is ready.

    `values` are further `--set` expressions.
    """
    release = Release(cluster, NAMESPACE)
    settings = [f"{part}.image.{field}" for part in images for field in ("repository", "tag")]
    parts = [part for reference in images.values() for part in reference.rsplit(":", 1)]
    sets = [f"{name}={value}" for name, value in zip(settings, parts, strict=True)]
    command = [
        *(str(helm_path()), "upgrade", "--install", RELEASE, str(root / "charts/darkroom")),
        *("--namespace", NAMESPACE, "--values", str(root / PROFILE), "--wait", "--timeout", "3m"),
        # A tag of digits alone would be taken for a number.
        *(argument for value in sets for argument in ("--set-string", value)),
        *(argument for value in values for argument in ("--set", value)),
    ]
    _restricted_namespace(release)
    with step("Installing the chart", log=log), log.open("a") as output:
        done = subprocess.run(
            command,
            env=_environment(cluster),
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode != 0:
            output.write(release.kubectl("get", "pods,jobs,events", check=False))
            msg = f"the chart could not be installed: the log is {log}"
            raise ClusterError(msg)
    reach(cluster, release.namespace, f"{RELEASE}-api")
    return release


def _restricted_namespace(release: Release) -> None:
    """Make the namespace, with the Pod Security Standard that every Darkroom pod meets."""
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": release.namespace,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    }
    commands.run(
        [str(kubectl_path()), "apply", "-f", "-"],
        environment=_environment(release.cluster),
        given=json.dumps(namespace),
    )


def _content_hash(root: Path, folders: Sequence[str]) -> str:
    """Return an image's tag: the same content is never built twice."""
    files = [root / "uv.lock", root / "pyproject.toml", *root.glob("*/pyproject.toml")]
    for folder in folders:
        files += [p for p in (root / folder).rglob("*") if p.is_file()]
    digest = hashlib.sha256()
    for file in sorted(set(files)):
        if "__pycache__" in file.parts:
            continue
        digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


def _environment(cluster: Cluster) -> dict[str, str]:
    return {**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()
