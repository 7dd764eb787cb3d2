"""The licences of what the images ship: the closure of each, from the lock, against a policy."""

import re
import subprocess
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent

# They ask for their text and names to be kept, and for no more.
ALLOWED: Final = frozenset(
    {
        *("MIT", "MIT-0", "MIT-CMU", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "ISC"),
        *("PSF-2.0", "Unlicense", "Zlib"),
    }
)
# They ask for more, and get it: the packages are unchanged, and can be replaced in the image.
EXCEPTIONS: Final = {
    "certifi": ("MPL-2.0", "a list of authorities, unchanged"),
    "pi-heif": ("LGPL-3.0", "libheif and libde265 in a library of their own"),
    "psycopg": ("LGPL-3.0-only", "imported, unchanged"),
    "psycopg-binary": ("LGPL-3.0-only", "imported, unchanged"),
    "psycopg-pool": ("LGPL-3.0-only", "imported, unchanged"),
}
# What packages that name no identifier say, in their classifiers or in free text.
_SAID: Final = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
_NAME: Final = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;]+)(?: ; (.*))?")
_OTHER_SYSTEM: Final = re.compile(r"sys_platform == '(emscripten|win32|darwin)'")


def closure(uv: str, package: str, extras: Iterable[str]) -> list[str]:
    """Return the names of all that an image installs beside our own packages."""
    command = [uv, "export", "--frozen", "--no-dev", "--package", package, "--no-emit-workspace"]
    command += [
        "--no-hashes",
        "--no-annotate",
        "--no-header",
        *(f"--extra={extra}" for extra in extras),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    matches = (_NAME.fullmatch(line) for line in done.stdout.splitlines())
    return [m[1] for m in matches if m and not _OTHER_SYSTEM.search(m[3] or "")]


def objections(names: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each package whose licence the policy does not allow."""
    for name in names:
        try:
            found = licence(distribution(name))
        except PackageNotFoundError:
            yield f"{name} is not installed here: run `uv sync`."
            continue
        expected, _ = EXCEPTIONS.get(name, ("", ""))
        if expected and found != {expected}:
            yield f"{name} is an exception for {expected}, and says {', '.join(sorted(found))}."
        elif not expected and not found <= ALLOWED:
            said = ", ".join(sorted(found)) or "none"
            yield f"{name} has the licence {said}: see tools/licences.py."


def licence(package: Distribution) -> set[str]:
    """Return the identifiers that a package's metadata names; all of them hold."""
    metadata = package.metadata
    if expression := (metadata.get_all("License-Expression") or [""])[0]:
        return set(re.findall(r"[A-Za-z0-9.+-]+", expression)) - {"AND", "OR", "WITH"}
    classifiers = metadata.get_all("Classifier") or []
    said = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License ::")]
    said = [name for name in said if name != "OSI Approved"] or (
        metadata.get_all("License") or [""]
    )
    return {_SAID.get(name.strip(), name.strip()) for name in said}
