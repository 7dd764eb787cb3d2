"""What is refused or answered before the application sees it: endless headers, other sites."""

from typing import Any, Final

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from darkroom_api.errors import HeadersTooLargeError
from darkroom_api.problem_handlers import response_of
from darkroom_api.settings import Settings

_MOST_HEADERS: Final = 100
_LONGEST_HEADERS: Final = 32 * 1024
_LONGEST_TARGET: Final = 8 * 1024

_ASKED_WITH: Final = (
    *("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "If-Match", "Prefer"),
    *("Cancel-After", "Last-Event-ID", "Range", "X-Request-Id", "Content-Encoding"),
    *("Tus-Resumable", "Upload-Length", "Upload-Offset", "Upload-Metadata", "Upload-Checksum"),
)
_READABLE: Final = (
    *("Location", "Link", "ETag", "Retry-After", "RateLimit", "RateLimit-Policy", "X-Request-Id"),
    *("Idempotent-Replayed", "Preference-Applied", "Content-Disposition", "Content-Range"),
    *("Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size"),
    *("Upload-Offset", "Upload-Length", "Upload-Expires"),
)
_CORS_SECONDS: Final = 3600


class HeaderLimit:
    """Refuses requests with more headers than anybody sends who means well."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the head of the request."""
        refusal = _refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            error = HeadersTooLargeError(refusal)
            await response_of(Request(scope), error)(scope, receive, send)


def _refusal(scope: Scope) -> str | None:
    headers = scope["headers"]
    if len(headers) > _MOST_HEADERS:
        return f"a request may have {_MOST_HEADERS} headers at most"
    if sum(len(name) + len(value) for name, value in headers) > _LONGEST_HEADERS:
        return f"the request's headers may have {_LONGEST_HEADERS:,} bytes at most"
    target = len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"")
    if target > _LONGEST_TARGET:
        return f"a URL may have {_LONGEST_TARGET:,} bytes at most"
    return None


def add_door(app: FastAPI, settings: Settings) -> None:
    """Put both before the application; other sites only if the settings name any."""
    app.add_middleware(HeaderLimit)
    if settings.cors_origins:
        app.add_middleware(CORSMiddleware, **_cors(settings))


def _cors(settings: Settings) -> dict[str, Any]:
    """Tokens are sent in a header, so no site is given anything by a browser's cookies."""
    return {
        "allow_origins": settings.allowed_origins,
        "allow_methods": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        "allow_headers": list(_ASKED_WITH),
        "expose_headers": list(_READABLE),
        "allow_credentials": False,
        "max_age": _CORS_SECONDS,
    }
