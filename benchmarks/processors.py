"""The processes of a pod, as the machine sees them: what a cancel has to end."""

import asyncio
import time
from pathlib import Path
from typing import Final

_PROCESSOR: Final = b"darkroom_processor"
_TICK_SECONDS: Final = 0.02


def processors(pod_uid: str) -> list[int]:
    """Return the numbers of the processes that are at work in this pod."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        try:
            # The kubelet names a pod's group after its UID.
            if pod_uid not in (process / "cgroup").read_text():
                continue
            if _PROCESSOR in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


async def follow_processors(pod_uid: str, until: asyncio.Event) -> float:
    """Return when a process of the pod was last seen; 0 if none was before the event is set."""
    last = 0.0
    while not until.is_set():
        if processors(pod_uid):
            last = time.monotonic()
        await asyncio.sleep(_TICK_SECONDS)
    return last
