"""Users as admins manage them: role, quota, disabled or not, and their sessions."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from darkroom_api import audit, errors, responses
from darkroom_api.admin import user_queries
from darkroom_api.admin.user_queries import ManagedUser, UserPosition
from darkroom_api.auth.identity import Identity, Role
from darkroom_api.auth.sessions import end_all_sessions
from darkroom_api.database import Connection
from darkroom_api.deps import AdminReader, AdminWriter, Database
from darkroom_api.limits.quota import QuotaOverride, override_of
from darkroom_api.tasks import cursor
from darkroom_api.tasks.queries import Position

router = APIRouter(prefix="/v1/admin/users", tags=["admin"])

_LIST: Final = "users"
_REFUSALS: Final = (
    *(errors.UnauthorizedError, errors.ForbiddenError, errors.InvalidError),
    errors.UnavailableError,
)


class ManagedUserView(BaseModel):
    """A user, without secrets."""

    id: UUID
    object: Literal["user"]
    email: str = Field(examples=["ada@example.com"])
    role: Role
    disabled_at: AwareDatetime | None = Field(
        description="Since when nobody gets in as this user; null: they may."
    )
    quota: QuotaOverride = Field(description="What differs from the settings, and only that.")
    created_at: AwareDatetime


class ManagedUsers(BaseModel):
    """A page of users, the newest first."""

    data: list[ManagedUserView]
    has_more: bool
    next_cursor: str | None


class UserChange(BaseModel):
    """What is to be different. What is left out stays as it is."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"disabled": True}, {"role": "operator"}]},
    )

    role: Role | None = Field(None, description="What they may see and do.")
    disabled: bool | None = Field(
        None, description="true: their sessions end, and nobody gets in; false: they may again."
    )
    quota: QuotaOverride | None = Field(
        None, description="Replaces the user's own quota; {}: the settings hold."
    )


@router.get(
    "",
    operation_id="listUsers",
    responses=responses.of(*_REFUSALS),
    response_model_exclude_unset=True,
)
async def list_users(  # noqa: PLR0913, PLR0917  # the query's parameters
    _: AdminReader,
    pool: Database,
    email: Annotated[
        str | None,
        Query(max_length=254, pattern=r"^[^\x00]*$", description="A part of the address."),
    ] = None,
    role: Annotated[Role | None, Query(description="Only users with this role.")] = None,
    disabled: Annotated[
        bool | None, Query(description="Only those who are disabled, or only the others.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Most users on a page.")] = 20,
    cursor_: Annotated[
        str | None, Query(alias="cursor", max_length=256, description="next_cursor of a page.")
    ] = None,
) -> ManagedUsers:
    """List users, the newest first."""
    async with pool.connection() as connection:
        rows = await user_queries.users_page(
            connection,
            email=email,
            role=role.value if role else None,
            is_disabled=disabled,
            after=_position(cursor_) if cursor_ else None,
            limit=limit + 1,
        )
    page, has_more = rows[:limit], len(rows) > limit
    last = page[-1] if has_more else None
    return ManagedUsers(
        data=[_view(row) for row in page],
        has_more=has_more,
        next_cursor=last and cursor.encoded(Position(last.created_at, str(last.id)), digest=_LIST),
    )


@router.get(
    "/{user_id}",
    operation_id="getUser",
    response_model_exclude_unset=True,
    responses=responses.of(*_REFUSALS, errors.NotFoundError),
)
async def get_user(user_id: UUID, _: AdminReader, pool: Database) -> ManagedUserView:
    """Look at a user."""
    async with pool.connection() as connection:
        row = await user_queries.managed_user(connection, user_id)
    if row is None:
        raise _nobody(user_id)
    return _view(row)


@router.patch(
    "/{user_id}",
    operation_id="updateUser",
    response_model_exclude_unset=True,
    responses=responses.of(*_REFUSALS, errors.NotFoundError, errors.LastAdminError),
)
async def update_user(
    user_id: UUID, change: UserChange, request: Request, identity: AdminWriter, pool: Database
) -> ManagedUserView:
    """Change a user's role or quota, or disable them. A new role, too, ends their sessions."""
    async with pool.connection() as connection, connection.transaction():
        before = await user_queries.managed_user(connection, user_id, is_to_change=True)
        if before is None:
            raise _nobody(user_id)
        after = await _changed(connection, before, change, identity)
        for event, details in _events(before, after):
            await audit.record(
                connection,
                event,
                actor=identity.user_id,
                subject=str(user_id),
                request=request,
                **details,
            )
        # Tokens say the role that their user had when they were made.
        if after.role != before.role or (after.disabled_at and not before.disabled_at):
            await end_all_sessions(connection, user_id)
    return _view(after)


@router.post(
    "/{user_id}/sign-out",
    operation_id="signOutUser",
    status_code=204,
    responses=responses.of(*_REFUSALS, errors.NotFoundError),
)
async def sign_out(
    user_id: UUID, request: Request, identity: AdminWriter, pool: Database
) -> Response:
    """End all sessions of a user. API keys go on: revoke them, or disable the user."""
    async with pool.connection() as connection, connection.transaction():
        if await user_queries.managed_user(connection, user_id, is_to_change=True) is None:
            raise _nobody(user_id)
        await end_all_sessions(connection, user_id)
        await audit.record(
            connection,
            audit.Event.SIGNED_OUT_EVERYWHERE,
            actor=identity.user_id,
            subject=str(user_id),
            request=request,
        )
    return Response(status_code=204)


async def _changed(
    connection: Connection, before: ManagedUser, change: UserChange, identity: Identity
) -> ManagedUser:
    role = change.role.value if change.role else before.role
    is_disabled = bool(before.disabled_at) if change.disabled is None else change.disabled
    is_admin_no_more = is_disabled or role != Role.ADMIN.value
    if before.id == identity.user_id and is_admin_no_more:
        raise errors.LastAdminError("you cannot take this from yourself: ask another admin")
    was_admin = before.role == Role.ADMIN.value and not before.disabled_at
    if (
        was_admin
        and is_admin_no_more
        and not await user_queries.other_admins(connection, before.id)
    ):
        raise errors.LastAdminError("this is the last admin: make another one first")
    quota = before.quota
    if change.quota is not None:
        quota = change.quota.model_dump(mode="json", exclude_unset=True)
    return await user_queries.change_user(
        connection, before.id, role=role, is_disabled=is_disabled, quota=quota
    )


def _events(before: ManagedUser, after: ManagedUser) -> list[tuple[audit.Event, dict[str, Any]]]:
    found: list[tuple[audit.Event, dict[str, Any]]] = []
    if before.role != after.role:
        found.append((audit.Event.ROLE_CHANGED, {"from": before.role, "to": after.role}))
    if before.quota != after.quota:
        found.append((audit.Event.QUOTA_CHANGED, {"from": before.quota, "to": after.quota}))
    if bool(before.disabled_at) != bool(after.disabled_at):
        kind = audit.Event.USER_DISABLED if after.disabled_at else audit.Event.USER_ENABLED
        found.append((kind, {}))
    return found


def _position(text: str) -> UserPosition:
    position = cursor.decoded(text, digest=_LIST)
    try:
        return UserPosition(position.created_at, UUID(position.id))
    except ValueError:
        raise errors.InvalidError("this is not a cursor of this list") from None


def _nobody(user_id: UUID) -> errors.NotFoundError:
    return errors.NotFoundError(f"there is no user {user_id}")


def _view(row: ManagedUser) -> ManagedUserView:
    return ManagedUserView(
        id=row.id,
        object="user",
        email=row.email,
        role=Role(row.role),
        disabled_at=row.disabled_at,
        quota=override_of(row.quota),
        created_at=row.created_at,
    )
