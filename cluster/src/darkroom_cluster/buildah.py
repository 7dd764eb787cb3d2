"""Builds images without an engine: by buildah, in the user cache, leaving nothing mounted."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from darkroom_cluster.cluster import ClusterError, alone, user_cache
from darkroom_cluster.progress import step
from darkroom_cluster.requirements import SEARCH_PATH

SUITE = "bookworm"
RUNTIME = ("ca-certificates", "libpython3-stdlib", "python3-minimal")
BUILDER = (*RUNTIME, "python3-pip", "python3-venv")
_SANDBOX = """\
FROM scratch
COPY busybox /bin/busybox
ENTRYPOINT ["/bin/busybox", "sh", "-c", "trap exit TERM INT; /bin/busybox sleep 2147483647 & wait"]
"""
_CERTIFICATES = Path("/etc/ssl/certs")


def reference(name: str, tag: str) -> str:
    """Name an image that no registry has."""
    return f"localhost/{name}:{tag}"


def build(name: str, dockerfile: Path, context: Path, tag: str) -> str:
    """Build the image unless it is built."""
    image = reference(name, tag)
    if exists(image):
        return image
    with alone(user_cache() / "images" / "building.lock"):
        bases = {"BASE": _base("base", RUNTIME), "BUILDER": _base("builder", BUILDER)}
        flags = [f"--build-arg={argument}={base}" for argument, base in bases.items()]
        with _building(name) as log:
            _bud(image, dockerfile, context, log, *flags)
    return image


def build_sandbox(image: str) -> None:
    """Build the image that holds a pod's namespaces, unless it is built."""
    if exists(image):
        return
    with _building("sandbox") as log, _context(_SANDBOX) as context:
        shutil.copy("/bin/busybox", context / "busybox")
        _bud(image, context / "Dockerfile", context, log)


def exists(image: str) -> bool:
    """Whether this image is built."""
    return _buildah(["images", "--quiet", image], check=False).returncode == 0


def save(image: str, archive: Path) -> None:
    """Write the image to a file that any engine can load."""
    _buildah(["push", image, f"oci-archive:{archive}:{image}"])


def _base(kind: str, packages: Sequence[str]) -> str:
    recipe = hashlib.sha256(" ".join([SUITE, kind, *packages]).encode()).hexdigest()[:12]
    image = reference(f"darkroom-{kind}", recipe)
    if exists(image):
        return image
    lines = ["FROM scratch", "ADD base.tar /"]
    if kind == "builder":
        # As in the usual Python images, pip may install for the whole container.
        lines += ["ENV PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore"]
        lines += ["ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"]
    lines += ['CMD ["python3"]', ""]
    with _building(f"darkroom-{kind}") as log, _context("\n".join(lines)) as context:
        _bootstrap(packages, context / "base.tar", log)
        _bud(image, context / "Dockerfile", context, log)
    return image


def _bootstrap(packages: Sequence[str], archive: Path, log: Path) -> None:
    command = ["mmdebstrap", "--variant=minbase", f"--include={','.join(packages)}"]
    excluded = ("doc", "man", "info", "locale")
    command += [f"--dpkgopt=path-exclude=/usr/share/{directory}/*" for directory in excluded]
    command += ['--customize-hook=ln -s python3 "$1/usr/bin/python"', SUITE, str(archive)]
    _logged(command, log)


def _bud(image: str, dockerfile: Path, context: Path, log: Path, *flags: str) -> None:
    downloads = user_cache() / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    volumes = [f"--volume={downloads}:/root/.cache", f"--volume={_CERTIFICATES}:{_CERTIFICATES}:ro"]
    command = ["bud", "--layers", "--network=host", "--pull-never", f"--tag={image}"]
    with _storage() as buildah:
        full = [*buildah, *command, *volumes, *flags, f"--file={dockerfile}", str(context)]
        _logged(full, log)


def _logged(command: Sequence[str], log: Path) -> None:
    environment = {**os.environ, "PATH": SEARCH_PATH, "BUILDAH_ISOLATION": "chroot"}
    with log.open("a") as output:
        done = subprocess.run(
            command, check=False, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    if done.returncode:
        raise ClusterError(f"{command[0]} failed: the log is {log}.")


def _buildah(command: Sequence[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
    with _storage() as buildah:
        done = subprocess.run(
            [*buildah, *command],
            check=False,
            env={**os.environ, "PATH": SEARCH_PATH},
            capture_output=True,
            text=True,
        )
    if check and done.returncode:
        raise ClusterError(f"buildah {command[0]} failed: {done.stderr.strip()}")
    return done


@contextmanager
def _storage() -> Iterator[list[str]]:
    """Give the start of a buildah command line."""
    images = user_cache() / "images"
    images.mkdir(parents=True, exist_ok=True)
    # Mounts end with the namespace, so the notes of what is mounted must end too.
    with tempfile.TemporaryDirectory(prefix="run-", dir=images) as run:
        unshared = ["unshare", "--mount", "buildah", "--storage-driver=overlay"]
        yield [*unshared, f"--root={images / 'storage'}", f"--runroot={run}"]


@contextmanager
def _building(name: str) -> Iterator[Path]:
    log = user_cache() / "logs" / f"image-{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    with step(f"Building the image {name}", log=log):
        yield log


@contextmanager
def _context(dockerfile: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="context-", dir=user_cache()) as context:
        (Path(context) / "Dockerfile").write_text(dockerfile)
        yield Path(context)
