"""Prometheus and promtool: found here, or Debian's, unpacked into the user's cache.

Not installed: the package would run a server of its own.
"""

import functools
import shutil
from pathlib import Path

from darkroom_cluster import commands
from darkroom_cluster.cluster import ClusterError, alone, user_cache
from darkroom_cluster.progress import step


def prometheus_path() -> Path:
    """Return the server."""
    return _program("prometheus")


def promtool_path() -> Path:
    """Return the tool that checks rules."""
    return _program("promtool")


@functools.cache
def _program(name: str) -> Path:
    if found := shutil.which(name):
        return Path(found)
    unpacked = user_cache() / "prometheus"
    with alone(unpacked.with_name("prometheus.lock")):
        if not unpacked.exists():
            _unpack(unpacked)
    return unpacked / "usr/bin" / name


def _unpack(where: Path) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise ClusterError("Prometheus is missing: install it, or use Debian or Ubuntu.")
    log = commands.log_file("prometheus")
    log.unlink(missing_ok=True)
    aside = where.with_name("prometheus-unpacking")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    with step("Getting Prometheus from Debian", log=log):
        commands.logged(["apt-get", "update"], log)
        commands.logged(["apt-get", "download", "prometheus"], log, where=aside)
        (package,) = aside.glob("prometheus_*.deb")
        commands.logged(["dpkg-deb", "--extract", str(package), str(aside)], log)
    package.unlink()
    aside.rename(where)
