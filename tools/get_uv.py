"""Get uv, the one tool that everything else is got with, into a virtual environment of its own.

    python3 tools/get_uv.py FOLDER VERSION

Runs on a bare machine: only the standard library, Python 3.11 or newer.
"""

import importlib.util
import os
import shutil
import subprocess
import sys

OLDEST = (3, 11)


def main() -> int:
    """Make the environment; say in one sentence what is missing where it cannot be made."""
    folder, version = sys.argv[1:]
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:2]))
        print(
            f"Darkroom needs Python 3.11 or newer and python3 is {found}: install python3.11.",
            file=sys.stderr,
        )
        return 1
    if importlib.util.find_spec("ensurepip") is None and not _install_venv():
        print(
            "Darkroom needs Python's venv module: run `apt-get install python3-venv`.",
            file=sys.stderr,
        )
        return 1
    print(f"Getting uv {version} from PyPI ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [f"{folder}/bin/python", "-m", "pip", "install", "--quiet"]
    return subprocess.run([*pip, f"uv=={version}"], check=False).returncode


def _install_venv() -> bool:
    """Install Debian's package for venv, where this is Debian or Ubuntu and we are root."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    print("Installing python3-venv with apt-get ...", flush=True)
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    update = subprocess.run(["apt-get", "update", "-qq"], check=False)
    install = subprocess.run(["apt-get", "install", "-y", "-qq", name], check=False)
    return update.returncode == 0 and install.returncode == 0


if __name__ == "__main__":
    raise SystemExit(main())
