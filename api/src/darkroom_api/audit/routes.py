"""The audit log, for admins and operators."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from darkroom_api import errors, responses
from darkroom_api.audit import queries
from darkroom_api.audit.event import Event
from darkroom_api.deps import AdminReader, Database

router = APIRouter(prefix="/v1/admin/audit-events", tags=["admin"])


class EventView(BaseModel):
    """Something that happened that matters to security."""

    id: int
    at: datetime
    type: str = Field(description="What happened.", examples=["api_key.created"])
    actor: UUID | None = Field(description="The user who did it; null: nobody known.")
    subject: str | None = Field(description="What it was done to: an id, or an e-mail address.")
    address: str | None = Field(description="Where the request came from.")
    user_agent: str | None
    request_id: str | None = Field(description="The log has more under it.")
    details: dict[str, Any] = Field(description="What else is known; never a secret.")


class EventPage(BaseModel):
    """Events, newest first."""

    data: list[EventView]
    has_more: bool
    next_cursor: int | None = Field(description="For the parameter cursor of the next page.")


@router.get(
    "",
    operation_id="listAuditEvents",
    responses=responses.of(
        errors.UnauthorizedError,
        errors.ForbiddenError,
        errors.InvalidError,
        errors.UnavailableError,
    ),
)
async def list_audit_events(  # noqa: PLR0913, PLR0917  # the query's parameters
    request: Request,
    response: Response,
    _: AdminReader,
    pool: Database,
    type_: Annotated[
        Event | None, Query(alias="type", description="Only events of this kind.")
    ] = None,
    actor: Annotated[UUID | None, Query(description="Only what this user did.")] = None,
    subject: Annotated[
        str | None,
        Query(max_length=256, pattern=r"^[^\x00]*$", description="Only what was done to this."),
    ] = None,
    since: Annotated[AwareDatetime | None, Query(description="Only what happened since.")] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Most events on a page.")] = 50,
    cursor: Annotated[
        int | None, Query(ge=1, le=2**63 - 1, description="next_cursor of the page before.")
    ] = None,
) -> EventPage:
    """Read the audit log, newest first."""
    wanted = queries.Filter(type_.value if type_ else None, actor, subject, since, cursor)
    async with pool.connection() as connection:
        rows = await queries.page(connection, wanted, limit=limit + 1)
    shown, has_more = rows[:limit], len(rows) > limit
    following = shown[-1].id if has_more else None
    if following:
        link = request.url.include_query_params(cursor=following)
        response.headers["Link"] = f'<{link}>; rel="next"'
    return EventPage(
        data=[
            EventView(**{**vars(row), "at": row.at.astimezone(UTC)})  # the same names
            for row in shown
        ],
        has_more=has_more,
        next_cursor=following,
    )
