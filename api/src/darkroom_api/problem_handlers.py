"""Turns every error, the framework's own too, into a problem document."""

import logging
from collections.abc import Sequence
from typing import Any, Final

from darkroom_core.storage import InvalidKeyError, StorageError
from darkroom_core.trace_context import CURRENT
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from darkroom_api import errors, problem
from darkroom_api.database import AWAY
from darkroom_api.request_id import request_id_of

_log = logging.getLogger(__name__)

_FRAMEWORK: Final[dict[int, type[errors.ApiError]]] = {
    400: errors.BadRequestError,
    404: errors.NotFoundError,
    405: errors.MethodNotAllowedError,
    413: errors.TooLargeError,
    415: errors.UnsupportedMediaTypeError,
}
# Nobody reads this answer; the access log does.
_CLIENT_LEFT: Final = 499


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every error with a problem document."""

    @app.exception_handler(HTTPException)
    async def expected(request: Request, error: HTTPException) -> Response:
        if isinstance(error, errors.ApiError):
            return response_of(request, error)
        kind = _FRAMEWORK.get(error.status_code, errors.BadRequestError)
        return response_of(request, kind(_sentence(request, error), headers=error.headers))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return response_of(request, invalid_fields(error.errors()))

    @app.exception_handler(InvalidKeyError)
    async def no_key(request: Request, error: InvalidKeyError) -> Response:
        return response_of(request, errors.NotFoundError(str(error)))

    @app.exception_handler(StorageError)
    async def storage_away(request: Request, error: StorageError) -> Response:
        _log.warning("storage: %s", error)
        return response_of(request, errors.UnavailableError("storage does not answer"))

    @app.exception_handler(ClientDisconnect)
    async def client_left(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=_CLIENT_LEFT)

    async def postgres_away(request: Request, error: Exception) -> Response:
        _log.warning("Postgres: %s", str(error).strip())
        return response_of(request, errors.UnavailableError("Postgres does not answer"))

    for kind in AWAY:
        app.add_exception_handler(kind, postgres_away)


def internal_problem(scope: Scope) -> Response:
    """Return the answer to whatever no handler expected."""
    detail = "something went wrong on our side; the log has more under this request id"
    return response_of(Request(scope), errors.InternalError(detail))


def response_of(request: Request, error: errors.ApiError) -> Response:
    """Return the error as a problem document."""
    traced = CURRENT.get()
    document = problem.Problem(
        type=error.type_url or f"{request.base_url}problems/{error.code}",
        title=error.title,
        status=error.status,
        detail=error.detail,
        code=error.code,
        request_id=request_id_of(request.scope),
        trace_id=traced.trace_id if traced else None,
        retryable=error.retryable,
        errors=error.errors,
        violated_policies=error.violated_policies,
    )
    return JSONResponse(
        document.model_dump(exclude_none=True, by_alias=True),
        error.status,
        dict(error.headers or {}),
        media_type=problem.MEDIA_TYPE,
    )


def invalid_fields(found: Sequence[Any]) -> errors.ApiError:
    """Return what pydantic found as one error with a pointer to each place."""
    fields = [
        problem.InvalidField(
            pointer="#" + "".join(f"/{part}" for part in _place(detail["loc"])),
            detail=detail["msg"].removeprefix("Value error, "),
        )
        for detail in found
    ]
    first = f"{fields[0].pointer}: {fields[0].detail}"
    more = f" (and {len(fields) - 1} more)" if len(fields) > 1 else ""
    return errors.InvalidError(first + more, errors=fields)


def _place(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    return location[1:] if location and location[0] == "body" else location


def _sentence(request: Request, error: HTTPException) -> str:
    if error.status_code == 404:  # noqa: PLR2004
        return f"there is nothing at {request.url.path}"
    if error.status_code == 405:  # noqa: PLR2004
        return f"{request.method} is not allowed at {request.url.path}"
    return str(error.detail)
