"""The span of a request: begun with what the client sends, told of when the request is over."""

from typing import Final

from darkroom_core import trace_context
from darkroom_core.tracing import Span, Tracing, now
from starlette.types import Scope

_HEADER: Final = trace_context.HEADER.encode()
_SERVER_ERRORS: Final = 500


class RequestSpan:
    """One request, as a trace shows it."""

    def __init__(self, tracing: Tracing, scope: Scope) -> None:
        """Begin it, in the client's trace if the client is in one."""
        self._tracing, self._scope = tracing, scope
        sent = next((value for name, value in scope["headers"] if name == _HEADER), b"")
        self._parent = trace_context.read(sent.decode("latin-1"))
        self._start = now()
        self.context: Final = tracing.begin(scope["method"], self._parent)

    def end(self, *, method: str, route: str, status: int, request_id: str) -> None:
        """Tell of it."""
        self._tracing.tell(
            Span(
                f"{method} {route}",
                self.context,
                self._parent,
                self._start,
                now(),
                "SERVER",
                {
                    "http.request.method": method,
                    "http.route": route,
                    "http.response.status_code": status,
                    "url.scheme": self._scope["scheme"],
                    "darkroom.request.id": request_id,
                },
                error=str(status) if status >= _SERVER_ERRORS else None,
            )
        )
