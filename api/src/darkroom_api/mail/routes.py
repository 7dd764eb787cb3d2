"""The endpoints about mail: which one a user wants, and the way out of it without signing in."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from darkroom_api import errors, responses
from darkroom_api.deps import AccountOwner, Res
from darkroom_api.mail.pages import page
from darkroom_api.mail.preferences import (
    Preferences,
    next_digest,
    preferences_of,
    set_preferences,
    want_nothing,
)
from darkroom_api.mail.rendering import render_page
from darkroom_api.mail.schemas import Notifications
from darkroom_api.resources import Resources

router = APIRouter(tags=["notifications"])

_ALWAYS: Final = (errors.UnauthorizedError, errors.ForbiddenError, errors.UnavailableError)


@router.get(
    "/v1/me/notifications", operation_id="getNotifications", responses=responses.of(*_ALWAYS)
)
async def get_notifications(identity: AccountOwner, resources: Res) -> Notifications:
    """Return which mail you get about your tasks."""
    async with resources.pool.connection() as connection:
        found = await preferences_of(connection, identity.user_id)
    return Notifications(**vars(found) | {"digest": "daily" if found.digest else "off"})


@router.put(
    "/v1/me/notifications",
    operation_id="setNotifications",
    responses=responses.of(
        *_ALWAYS, errors.BadRequestError, errors.InvalidError, errors.TooLargeError
    ),
)
async def set_notifications(
    wanted: Notifications, identity: AccountOwner, resources: Res
) -> Notifications:
    """Choose which mail you get about your tasks."""
    is_daily = wanted.digest == "daily"
    due = next_digest(datetime.now(UTC), hour=wanted.digest_hour, timezone=wanted.timezone)
    async with resources.pool.connection() as connection:
        await set_preferences(
            connection,
            identity.user_id,
            Preferences(**wanted.model_dump() | {"digest": is_daily}),
            next_digest_at=due if is_daily else None,
        )
    return wanted


@router.get(
    "/v1/unsubscribe/{token}",
    operation_id="askToUnsubscribe",
    response_class=HTMLResponse,
    responses=responses.of(errors.NotFoundError),
)
async def ask_to_unsubscribe(token: str, resources: Res) -> HTMLResponse:
    """Show the page that a mail's link leads to. Only its button changes anything."""
    _check(token, resources)
    return page(render_page("_unsubscribe", is_done=False))


@router.post(
    "/v1/unsubscribe/{token}",
    operation_id="unsubscribe",
    response_class=HTMLResponse,
    responses=responses.of(errors.NotFoundError, errors.UnavailableError),
)
async def unsubscribe(token: str, resources: Res) -> HTMLResponse:
    """Send no more mail about tasks to whoever this link was sent to (RFC 8058)."""
    owner = _check(token, resources)
    async with resources.pool.connection() as connection:
        await want_nothing(connection, owner)
    return page(render_page("_unsubscribe", is_done=True))


def _check(token: str, resources: Resources) -> UUID:
    owner = resources.telling.links.owner_of(token)
    if owner is None:
        raise errors.NotFoundError("nobody was sent this link")
    return owner
