"""The processors at work on this machine: what a cancel has to end."""

import asyncio
import re
import time
from pathlib import Path
from typing import Final

_PROCESSOR: Final = b"darkroom_processor"
# The kubelet names a pod's control group after its UID.
_POD: Final = re.compile(r"pod([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_TICK_SECONDS: Final = 0.05


async def follow_processors(last_seen: dict[str, float]) -> None:
    """Note by its pod's UID when a processor's process was last there."""
    while True:
        for uid in _pods_at_work():
            last_seen[uid] = time.monotonic()
        await asyncio.sleep(_TICK_SECONDS)


def _pods_at_work() -> set[str]:
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if _PROCESSOR in (process / "cmdline").read_bytes():
                found.update(_POD.findall((process / "cgroup").read_text()))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
