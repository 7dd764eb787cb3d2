"""The log: one JSON line per notable thing, on stdout, for `kubectl logs`."""

import os
import sys
import time
from typing import Final

from darkroom_core.log_line import as_json, stamp, without_secrets

_STDOUT: Final = 1
_LOGGER: Final = "darkroom_processor"


_is_silent = False
_about: dict[str, str] = {}


def be_silent() -> None:
    """Write nothing from now on: a command line's stdout is for answers."""
    global _is_silent  # noqa: PLW0603  # of the process, as stdout is
    _is_silent = True


def be_about(**fields: str) -> None:
    """Say in every line from now on what it is about: this process does one task."""
    _about.update(fields)


def log(message: str, *, level: str = "info", **fields: object) -> None:
    """Write one line; straight to the descriptor, so that nothing is lost in a sudden end."""
    if _is_silent:
        return
    head = {"time": stamp(time.time()), "level": level, "logger": _LOGGER, "message": message}
    if level == "error":
        head["message"] = without_secrets(message)
    line = as_json({**head, **_about, **fields}) + "\n"
    try:
        os.write(_STDOUT, line.encode())
    except OSError as error:  # a full or closed pipe is no reason to fail a task
        print(f"no log: {error}", file=sys.stderr)  # noqa: T201  # the last place left
