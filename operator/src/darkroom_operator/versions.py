"""Which Kubernetes this is, and what follows from it; told once, at the start."""

import re
from typing import Any, Final

OLDEST: Final = (1, 31)


def notes_on(version: dict[str, Any]) -> list[str]:
    """Return a line for each thing that this version of Kubernetes lacks (GET /version)."""
    found = tuple(
        int(match[0]) if (match := re.match(r"\d+", str(version.get(part, "")))) else 0
        for part in ("major", "minor")
    )
    if found == (0, 0):
        return ["The API server does not say which version it is; 1.31 or newer is needed."]
    name = f"Kubernetes {found[0]}.{found[1]}"
    if found < OLDEST:
        return [f"{name} is older than 1.31: nothing is tested on it, upgrade it."]
    if found < (1, 32):
        return [f"{name}: field selectors on tasks are beta here, and may be turned off."]
    return []
