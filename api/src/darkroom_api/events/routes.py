"""Follow tasks by server-sent events."""

from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.security.utils import get_authorization_scheme_param
from starlette.responses import StreamingResponse

from darkroom_api import errors, responses
from darkroom_api.auth.identity import Identity
from darkroom_api.deps import Res, TaskReader
from darkroom_api.events.credentials import Credentials
from darkroom_api.events.sse import DOCUMENTED, EventStream
from darkroom_api.events.stream import open_stream
from darkroom_api.limits.route_class import RouteClass, route_class
from darkroom_api.resources import Resources

# FastAPI would take EventSourceResponse for a generator of events, which cannot answer with 204.
router = APIRouter(tags=["events"], dependencies=[route_class(RouteClass.STREAM)])

_LONGEST_ID: Final = 64


async def _last_event_id(
    header: Annotated[
        str | None,
        Header(
            alias="Last-Event-ID",
            description="The last `id` that was received: what came after it is sent first. "
            "Browsers' EventSource sends it by itself.",
            examples=["814-37"],
            max_length=_LONGEST_ID,
        ),
    ] = None,
    query: Annotated[
        str | None,
        Query(
            alias="last_event_id",
            description="The same, for who cannot send the header; the header goes before it.",
            examples=["814-37"],
            max_length=_LONGEST_ID,
        ),
    ] = None,
) -> str | None:
    return header or query


LastEventId = Annotated[str | None, Depends(_last_event_id)]


@router.get(
    "/v1/events",
    operation_id="streamEvents",
    response_class=StreamingResponse,
    responses={
        **DOCUMENTED,
        **responses.of(
            errors.UnauthorizedError,
            errors.ForbiddenError,
            errors.InvalidError,
            errors.RateLimitedError,
            errors.UnavailableError,
        ),
    },
)
async def stream_events(
    request: Request,
    identity: TaskReader,
    resources: Res,
    last: LastEventId,
) -> Response:
    """Follow all of one's own tasks; operators and admins follow everybody's.

    It begins with `stream.ready`, or, where the last id is not known any more, with `stream.reset`:
    then ask for the tasks once. It goes on until the client leaves, its token ends, or the server
    shuts down. The same address takes WebSockets.
    """
    return await _streamed(request, resources, identity, None, last)


@router.get(
    "/v1/tasks/{task_id}/events",
    operation_id="streamTaskEvents",
    response_class=StreamingResponse,
    responses={
        **DOCUMENTED,
        204: {"description": "The task has ended, and its end was seen: there is no more."},
        **responses.of(
            errors.UnauthorizedError,
            errors.ForbiddenError,
            errors.NotFoundError,
            errors.InvalidError,
            errors.RateLimitedError,
            errors.UnavailableError,
        ),
    },
)
async def stream_task_events(
    task_id: str,
    request: Request,
    identity: TaskReader,
    resources: Res,
    last: LastEventId,
) -> Response:
    """Follow a task until it has ended.

    It begins with `task.state`, unless the last id is known, and ends with `stream.done`. Who comes
    back after that is answered with 204, at which an EventSource stops by itself. The same address
    takes WebSockets.
    """
    return await _streamed(request, resources, identity, task_id, last)


async def _streamed(
    request: Request,
    resources: Resources,
    identity: Identity,
    task_id: str | None,
    last: str | None,
) -> Response:
    _, token = get_authorization_scheme_param(request.headers.get("Authorization"))
    async with AsyncExitStack() as stack:
        stream = await stack.enter_async_context(open_stream(resources, identity, task_id, last))
        if stream.is_over and not stream.begins:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        credentials = Credentials(resources, token, identity)
        ping_seconds = resources.settings.events.ping_seconds
        stack.enter_context(resources.metrics.http.live_sse.track_inprogress())
        # It stays open for as long as the response.
        return EventStream(stream.batches(credentials, ping_seconds), stack.pop_all())
