"""One line of a log, alike from every part: JSON for programs, text for people.

Of the standard library alone, for the processor writes its lines without `logging`.
"""

import json
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

_HIDDEN: Final = "[hidden]"
# json.dumps would make one for every line.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, default=str)
_LEADING: Final = frozenset({"time", "level", "logger", "message", "exception"})

# The last resort: whoever logs leaves these out. What is found is replaced from its end on.
_HINTS: Final = ("://", "=", "authorization", "cookie", "bearer", "whsec_", "dk_")
_TELLING: Final = r"""(?P<head>
      ://(?=[^\s/@"'?]+@)     # the user and password of a URL, ...
    | ://[^\s"'?<>]*\?        # ... its query, ...
    | [?&][\w-]*(?:signature|token|credential|secret|password)=   # ... and that of a path
    | \b(?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:\w+\s+)?
    | \b(?:set-)?cookie["']?\s*[:=]\s*["']?
    | \bbearer\s+(?=[\w.~+/-]{16})
    | \bwhsec_(?=[\w+/-]{16}) | \bdk_(?=\w{16})
    )(?P<secret>[^\s;"'<>]+(?:;\s*\w+=[^\s;"'<>]+)*)"""


def stamp(seconds: float) -> str:
    """Return a moment (of seconds since 1970) in UTC, to the millisecond."""
    return f"{_second(int(seconds))}.{int(seconds * 1000) % 1000:03d}Z"


@lru_cache(1)
def _second(seconds: int) -> str:
    # Most lines are written in the same second as the one before.
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def as_json(line: Mapping[str, object]) -> str:
    """Return a line for programs: time, level, logger and message come first."""
    return _ENCODER.encode(line)


def as_text(line: Mapping[str, object]) -> str:
    """Return a line for people."""
    head = f"{line['time']} {str(line['level']).upper():<8}{line['logger']}: {line['message']}"
    rest = " ".join(f"{name}={value}" for name, value in line.items() if name not in _LEADING)
    text = f"{head}  {rest}" if rest else head
    return f"{text}\n{line['exception']}" if "exception" in line else text


def without_secrets(text: str) -> str:
    """Return the text without what would let its reader in: signatures, tokens, passwords."""
    # Most lines have none of this, and the expression is slow.
    lowered = text.lower()
    if not any(hint in lowered for hint in _HINTS):
        return text
    # Compiled at the first use, which a processor seldom comes to.
    flags = re.VERBOSE | re.IGNORECASE
    return re.sub(_TELLING, lambda found: found["head"] + _HIDDEN, text, flags=flags)
