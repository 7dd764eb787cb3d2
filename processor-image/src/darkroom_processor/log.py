"""The log: one JSON line per notable thing, on stdout, for `kubectl logs`."""

import json
import os
import sys
import time
from typing import Final

_STDOUT: Final = 1


_is_silent = False


def be_silent() -> None:
    """Write nothing from now on: a command line's stdout is for answers."""
    global _is_silent  # noqa: PLW0603  # of the process, as stdout is
    _is_silent = True


def log(event: str, **fields: object) -> None:
    """Write one line; straight to the descriptor, so that nothing is lost in a sudden end."""
    if _is_silent:
        return
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"
    line = json.dumps({"time": stamp, "event": event, **fields}) + "\n"
    try:
        os.write(_STDOUT, line.encode())
    except OSError as error:  # a full or closed pipe is no reason to fail a task
        print(f"no log: {error}", file=sys.stderr)  # noqa: T201  # the last place left
