"""What a client says of itself when it opens a WebSocket. A token never comes in the URL."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from fastapi import WebSocket
from fastapi.security.utils import get_authorization_scheme_param

PROTOCOL: Final = "darkroom.v1"
"""The name that a client gives beside its token, where it cannot send Authorization."""

_TOKEN_PREFIX: Final = "bearer."  # noqa: S105  # what comes before a token


@dataclass(frozen=True)
class Offered:
    """What came with the handshake."""

    token: str | None
    """None: it is to come in the first message."""
    last: str | None
    speaks_protocol: bool


def offered(socket: WebSocket) -> Offered:
    """Return what the handshake's headers and query say."""
    scheme, token = get_authorization_scheme_param(socket.headers.get("authorization"))
    protocols = list(socket.scope.get("subprotocols", ()))
    found = token if scheme.lower() == "bearer" and token else None
    for protocol in protocols:
        if found is None and protocol.startswith(_TOKEN_PREFIX):
            found = protocol.removeprefix(_TOKEN_PREFIX)
    last = socket.headers.get("last-event-id") or socket.query_params.get("last_event_id")
    return Offered(found, last, PROTOCOL in protocols)


def read_hello(text: str) -> tuple[str | None, str | None]:
    """Return the token and the last id of {"token": ..., "last_event_id": ...}."""
    try:
        hello = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None, None
    if not isinstance(hello, dict):
        return None, None
    token, last = hello.get("token"), hello.get("last_event_id")
    return (
        token if isinstance(token, str) else None,
        last if isinstance(last, str) else None,
    )


def is_origin_allowed(headers: Mapping[str, str], allowed: Sequence[str]) -> bool:
    """Whether a page of this origin may open it. Who is no browser has no origin."""
    origin = headers.get("origin")
    if origin is None or "*" in allowed or origin in allowed:
        return True
    return urlsplit(origin).netloc == headers.get("host")
