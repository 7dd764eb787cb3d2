"""Builds images without an engine: by buildah, in the user cache, leaving nothing mounted."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from darkroom_cluster import commands
from darkroom_cluster.cluster import ClusterError, alone, user_cache
from darkroom_cluster.progress import step
from darkroom_cluster.requirements import SEARCH_PATH

KEPT = 4
"""How many builds of an image stay in the cache."""

SUITE = "bookworm"
RUNTIME = ("ca-certificates", "libpython3-stdlib", "python3-minimal", "usr-is-merged")
BUILDER = (*RUNTIME, "python3-pip", "python3-venv")
# usrmerge has done its work in the bootstrap, and is what 46 MB of Perl are there for.
PURGED = ("usrmerge", "perl", "^perl-modules", "^libperl5", "^lib.*-perl$")
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
        if exists(image):
            return image
        bases = {"BASE": _base("base", RUNTIME), "BUILDER": _base("builder", BUILDER)}
        flags = [f"--build-arg={argument}={base}" for argument, base in bases.items()]
        with _building(name) as log:
            _bud(image, dockerfile, context, log, *flags)
        _prune(name, tag)
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


def save_uncompressed(image: str, archive: Path) -> None:
    """Write the image to a file as it is stored, which takes half as long as compressing it."""
    _buildah(["push", image, f"docker-archive:{archive}:{image}"])


def _base(kind: str, packages: Sequence[str]) -> str:
    recipe = hashlib.sha256(" ".join([SUITE, kind, *packages, *PURGED]).encode()).hexdigest()[:12]
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
    command += [f'--customize-hook=chroot "$1" apt-get purge --yes {" ".join(PURGED)}']
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
    environment = {"PATH": SEARCH_PATH, "BUILDAH_ISOLATION": "chroot"}
    commands.logged(command, log, environment=environment)


def _buildah(command: Sequence[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
    with _storage() as buildah:
        environment = {**os.environ, "PATH": SEARCH_PATH}
        done = commands.run([*buildah, *command], check=False, environment=environment)
    if check and done.returncode:
        raise ClusterError(f"buildah {command[0]} failed: {done.stderr.strip()}")
    return done


def superseded(listed: Sequence[Mapping[str, Any]], name: str, tag: str) -> list[str]:
    """Return the tags of an image to give up: all but those of this build and the newest others.

    `listed` is what `buildah images --json` says.
    """
    kept, given_up = {i["id"] for i in listed if reference(name, tag) in (i["names"] or [])}, []
    for image in sorted(listed, key=lambda each: str(each["createdatraw"]), reverse=True):
        ours = [n for n in image["names"] or [] if n.startswith(reference(name, ""))]
        if ours and len(kept) < KEPT:
            kept.add(image["id"])
        if image["id"] not in kept:
            given_up += ours
    return given_up


def _prune(name: str, tag: str) -> None:
    old = superseded(json.loads(_buildah(["images", "--json"]).stdout), name, tag)
    if old:
        # One that a container uses just now stays until the next time.
        _buildah(["rmi", *old], check=False)


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
    log = commands.log_file(f"image-{name}")
    log.unlink(missing_ok=True)
    with step(f"Building the image {name}", log=log):
        yield log


@contextmanager
def _context(dockerfile: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="context-", dir=user_cache()) as context:
        (Path(context) / "Dockerfile").write_text(dockerfile)
        yield Path(context)
