"""The header's value: a string of RFC 8941 in quotes, or, as most clients send it, without."""

import re
from typing import Final

from darkroom_api.errors import BadRequestError

_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_KEY: Final = re.compile(r"[\x20-\x7e]{1,255}")


def key_of(value: str) -> str:
    """Return the key, or raise BadRequestError."""
    text = value.strip()
    if quoted := _QUOTED.fullmatch(text):
        text = re.sub(r"\\(.)", r"\1", quoted[1])
    elif '"' in text:
        text = ""
    if not _KEY.fullmatch(text):
        raise BadRequestError(
            "Idempotency-Key is a string of 1 to 255 printable ASCII characters, as a UUID"
        )
    return text
