"""Signed URLs for bytes that the API itself serves.

The signature is HMAC-SHA256 over method, path and expiry, so that a URL for reading cannot write
and one object's URL cannot reach another's.
"""

import hashlib
import hmac
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

OBJECTS_PATH: Final = "/v1/objects/"
"""Where the API serves the objects of local storage."""

PROGRESS_PATH: Final = "/v1/progress/"
"""Where the API takes a processor's progress, followed by the task's UID."""

SWEEP_PATH: Final = "/v1/maintenance/sweep/"
"""Where the API is asked for the retention sweep, followed by two ages in seconds, or `never`."""

CLEANUP_PATH: Final = "/v1/maintenance/cleanup/"
"""Where a task of type Cleanup has old files removed, followed by `cleanup_path`'s parts."""


def cleanup_path(owner: str, namespace: str, age_seconds: int, prefix: str) -> str:
    """Return the path that removes old files: an owner's, or without one a namespace's.

    All of it is in the path, so that the signature covers it.
    """
    whose = f"users/{owner}" if owner else f"namespaces/{namespace}"
    return f"{CLEANUP_PATH}{whose}/{age_seconds}/{prefix}"


def signed_url(base_url: str, method: str, path: str, *, expires: datetime, key: bytes) -> str:
    """Return `base_url` + `path` with the query that lets `method` through until `expires`."""
    seconds = int(expires.timestamp())
    query = urlencode({"expires": seconds, "signature": _signature(method, path, seconds, key)})
    return f"{base_url.rstrip('/')}{path}?{query}"


def is_signed(  # noqa: PLR0913  # all of it is covered by the signature
    method: str, path: str, *, expires: int, signature: str, key: bytes, now: datetime
) -> bool:
    """Whether the request carries a valid signature that has not expired."""
    expected = _signature(method, path, expires, key)
    return hmac.compare_digest(expected, signature) and now.timestamp() < expires


def _signature(method: str, path: str, expires: int, key: bytes) -> str:
    message = f"{method}\n{path}\n{expires}".encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()
