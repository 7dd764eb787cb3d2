"""Sets up the namespaces that a node lives in: what it sees of the machine and may write."""

import os
import subprocess
from pathlib import Path

from darkroom_cluster.layout import ADDRESS, BINARIES, INSIDE, SERVICES

_SYSCTLS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
"""What the kubelet sets for the whole machine where it finds anything else."""


def set_up(home: Path, binaries: Path) -> None:
    """Mount and configure all that the programs need, seen by nobody else."""
    _mount("-t", "proc", "proc", "/proc")
    _mount_run(home, binaries)
    for directory in ("/var", "/opt"):
        _shield(directory)
    _pretend_sysctls()
    _connect()


def _mount_run(home: Path, binaries: Path) -> None:
    # Built aside and moved into place last, because home may itself lie below /run.
    aside = home / "run"
    aside.mkdir(exist_ok=True)
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(aside))
    for source, inside in ((home, INSIDE), (binaries, BINARIES)):
        target = aside / inside.relative_to("/run")
        target.mkdir()
        _mount("--bind", str(source), str(target))
    _mount("--move", str(aside), "/run")
    # The move leaves us looking at what was there before.
    os.chdir("/")


def _shield(directory: str) -> None:
    # containerd and the kubelet write to places below these that cannot be configured.
    upper, work = Path(f"/run/shield{directory}/upper"), Path(f"/run/shield{directory}/work")
    if not Path(directory).exists():
        return
    for path in (upper, work):
        path.mkdir(parents=True)
    options = f"lowerdir={directory},upperdir={upper},workdir={work}"
    _mount("-t", "overlay", "-o", options, "overlay", directory)


def _pretend_sysctls() -> None:
    for name, value in _SYSCTLS.items():
        real, pretended = Path("/proc/sys") / name, Path("/run/sysctl") / name
        if real.exists():
            pretended.parent.mkdir(parents=True, exist_ok=True)
            pretended.write_text(f"{value}\n")
            _mount("--bind", str(pretended), str(real))


def _connect() -> None:
    _run("ip", "link", "set", "lo", "up")
    # On lo, because the links of pods come and go, and the address must outlast them.
    _run("ip", "address", "add", f"{ADDRESS}/32", "dev", "lo")
    # What the node sends to a Service needs a route before kube-proxy's rules can change it.
    _run("ip", "route", "add", SERVICES, "dev", "lo", "src", ADDRESS)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _mount(*arguments: str) -> None:
    # Without a note in /run, which is the machine's before the first of these and the node's after.
    _run("mount", "--no-mtab", *arguments)
