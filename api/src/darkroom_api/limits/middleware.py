"""The limits that hold before anybody is known, and what every answer says about limits."""

from http import HTTPStatus
from typing import Final

from darkroom_core.storage.signing import CLEANUP_PATH, OBJECTS_PATH, PROGRESS_PATH, SWEEP_PATH
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from darkroom_api.errors import ApiError
from darkroom_api.limits.limiter import Limiter, give_all_back
from darkroom_api.problem_handlers import response_of

AUTH_PREFIX: Final = "/v1/auth/"

# Probes, and what processors and the operator reach over signed URLs: it is the tasks that are
# limited, not the steps of carrying them out.
_UNCOUNTED: Final = (
    *("/livez", "/readyz", "/metrics"),
    *(OBJECTS_PATH, PROGRESS_PATH, SWEEP_PATH, CLEANUP_PATH),
)


def is_counted(path: str) -> bool:
    """Whether requests to this path are counted."""
    return not path.startswith(_UNCOUNTED)


class Limited:
    """Counts requests at the door; those of users are counted once it is known whose they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http" or not is_counted(scope["path"]):
            await self._app(scope, receive, send)
            return
        limiter: Limiter = scope["state"]["resources"].limits

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] == HTTPStatus.NOT_MODIFIED:
                    give_all_back(scope)
                if said := limiter.headers(scope):
                    MutableHeaders(raw=message.setdefault("headers", [])).update(said)
            await send(message)

        try:
            await limiter.admit_anybody(scope)
            if scope["path"].startswith(AUTH_PREFIX):
                await limiter.admit_address(scope)
        except ApiError as error:
            await response_of(Request(scope), error)(scope, receive, send_on)
            return
        await self._app(scope, receive, send_on)
