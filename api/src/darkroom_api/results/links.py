"""Signed URLs of outputs: whoever holds one may read that one output until it expires.

They are good for as long as the output is there: deleting the task, or its outputs, ends them.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import quote

from darkroom_core.storage.signing import is_signed, signed_url
from fastapi import Depends, Query, Request
from fastapi.security import OAuth2PasswordBearer

from darkroom_api.auth.identity import Scope
from darkroom_api.deps import Res, identify
from darkroom_api.errors import ForbiddenError, InvalidSignatureError, NotFoundError
from darkroom_api.resources import Resources
from darkroom_api.tasks import queries
from darkroom_api.tasks.access import stored_id, visible_task

_optional = OAuth2PasswordBearer(
    tokenUrl="/v1/auth/token", auto_error=False, description="An access token."
)
_DIGITS = 12


def link_to(
    resources: Resources, base_url: str, task_id: str, name: str, *, expires: datetime
) -> str:
    """Return the URL under which the output is read without an account."""
    key = resources.settings.storage.signing_key_bytes
    return signed_url(base_url, "GET", _path(task_id, name), expires=expires, key=key)


async def readable_task(  # noqa: PLR0913, PLR0917  # the URL and what it is checked by
    task_id: str,
    name: str,
    request: Request,
    resources: Res,
    token: Annotated[str | None, Depends(_optional)],
    expires: Annotated[
        str | None, Query(description="Of a shared URL: seconds since 1970.", max_length=64)
    ] = None,
    signature: Annotated[
        str | None, Query(description="Of a shared URL: its signature.", max_length=256)
    ] = None,
) -> queries.TaskRow:
    """Return the task, if its reader or the URL may see this output of it."""
    if signature is None:
        identity = await identify(resources, token)
        await resources.limits.admit(request, identity)
        if Scope.TASKS_READ not in identity.scopes:
            raise ForbiddenError(f"this needs the scope {Scope.TASKS_READ.value}")
        return await visible_task(resources.pool, identity, task_id)
    if not _is_ours(resources, task_id, name, expires or "", signature):
        raise InvalidSignatureError("this URL was not signed for this output, or has expired")
    async with resources.pool.connection() as connection:
        row = await queries.task_by_id(connection, stored_id(task_id), owner=None)
    if row is None:
        raise NotFoundError(f"there is no task {task_id}")
    return row


def expiry(seconds: int) -> datetime:
    """Return the moment that is so far away."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)


def _is_ours(resources: Resources, task_id: str, name: str, expires: str, signature: str) -> bool:
    return (
        expires.isascii()
        and expires.isdigit()
        and len(expires) <= _DIGITS
        and signature.isascii()
        and is_signed(
            "GET",
            _path(task_id, name),
            expires=int(expires),
            signature=signature,
            key=resources.settings.storage.signing_key_bytes,
            now=datetime.now(UTC),
        )
    )


def _path(task_id: str, name: str) -> str:
    return f"/v1/tasks/{quote(task_id, safe='')}/outputs/{quote(name, safe='')}"
