"""The programs that are not Debian's: found here, or built once for a machine.

A node of our own needs all of Kubernetes, built from the Go module beside this package. Other
clusters need only kubectl, Helm and kind, which are built one by one where the PATH has none.
"""

import functools
import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from darkroom_cluster import commands, golang
from darkroom_cluster.cluster import alone, user_cache

KUBERNETES = "v1.36.3"
KIND = "v0.32.0"
KWOK = "v0.8.0"
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
_HELM = "helm.sh/helm/v4/cmd/helm"
_VERSION = "k8s.io/component-base/version"


def key(source: Path = SOURCE) -> str:
    """Name what is built after everything that it is built from."""
    digest = hashlib.sha256()
    for file in sorted([*source.glob("*.go"), source / "go.mod", source / "go.sum"]):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def home() -> Path:
    """Return where the node's programs are once they are built."""
    return user_cache() / "kubernetes" / key()


@functools.cache
def directory() -> Path:
    """Return the directory of the node's programs, built now unless this machine has them."""
    built = home()
    if built.exists():
        return built
    with alone(built.with_name("building.lock")):
        if built.exists():
            return built
        building = built.with_name("building")
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        _build_node(building)
        building.rename(built)
    return built


@functools.cache
def kubectl_path() -> Path:
    """Return kubectl: the node's, or a recent one in PATH, or one built alone."""
    command = ("version", "--client", "--output=json")
    return _find("kubectl", command, (1, 28)) or _built_alone(
        "kubectl", ["build", "-trimpath", "-ldflags", _flags(), "k8s.io/kubernetes/cmd/kubectl"]
    )


@functools.cache
def helm_path() -> Path:
    """Return Helm: the one built with the node, or a recent one in PATH, or one built alone."""
    return _find("helm", ("version", "--short"), (3, 10)) or _built_alone(
        "helm", ["build", "-trimpath", "-ldflags", "-s -w", _HELM]
    )


@functools.cache
def kind_path() -> Path:
    """Return kind: a recent one in PATH, or one built alone."""
    return _find("kind", ("version",), (0, 24)) or _built_alone(
        "kind", ["install", "-trimpath", f"sigs.k8s.io/kind@{KIND}"]
    )


@functools.cache
def kwok_path() -> Path:
    """Return KWOK, which plays the kubelets of nodes that are not there; built alone."""
    return _built_alone("kwok", ["install", "-trimpath", f"sigs.k8s.io/kwok/cmd/kwok@{KWOK}"])


def version(text: str) -> tuple[int, int]:
    """Return the major and minor number of the first version in a text; zeros if it has none."""
    found = re.search(r"v(\d+)\.(\d+)\.", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _find(name: str, asked: Sequence[str], oldest: tuple[int, int]) -> Path | None:
    if (ours := home() / name).exists():
        return ours
    if (found := shutil.which(name)) is None:
        return None
    said = commands.run([found, *asked], check=False).stdout
    return Path(found) if version(said) >= oldest else None


def _built_alone(name: str, command: Sequence[str]) -> Path:
    program = user_cache() / "tools" / f"{key()}-{KIND}-{KWOK}" / name
    if program.exists():
        return program
    with alone(program.parent / f"{name}.lock"):
        if not program.exists():
            log = commands.log_file(f"build-{name}")
            log.unlink(missing_ok=True)
            aside = program.parent / "building" / name
            aside.parent.mkdir(exist_ok=True)
            output = ["-o", str(aside)] if command[0] == "build" else []
            what = f"Building {name} (there is none here that is recent enough)"
            arguments = [command[0], *output, *command[1:]]
            golang.go(arguments, what, log, SOURCE, GOBIN=str(aside.parent))
            aside.rename(program)
    return program


def _build_node(building: Path) -> None:
    log = commands.log_file("build-kubernetes")
    log.unlink(missing_ok=True)
    packages = [".", _HELM]
    golang.go(["list", "-deps", *packages], "Downloading the source of Kubernetes", log, SOURCE)
    # One build for both, so that what they share is compiled once and they are linked side by side.
    build = ["build", "-trimpath", "-buildvcs=false", "-ldflags", _flags()]
    # Nobody debugs it, and a tenth of the compiler's time goes into saying where everything is.
    build += ["-gcflags=all=-dwarf=false"]
    what = "Building Kubernetes and Helm (minutes, once for this machine)"
    golang.go([*build, "-o", f"{building}{os.sep}", *packages], what, log, SOURCE)
    for program in PROGRAMS:
        (building / program).symlink_to("kubernetes")


def _flags() -> str:
    major, minor, _ = KUBERNETES.removeprefix("v").split(".")
    numbers = {"gitVersion": KUBERNETES, "gitMajor": major, "gitMinor": minor}
    return " ".join(["-s -w", *(f"-X {_VERSION}.{name}={n}" for name, n in numbers.items())])
