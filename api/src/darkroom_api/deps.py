"""What an endpoint can ask for, each by one annotation.

All are coroutines, though they await nothing: FastAPI runs plain functions in threads.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from darkroom_core.storage import Storage
from fastapi import Depends
from fastapi.security import OAuth2PasswordBearer
from starlette.requests import HTTPConnection

from darkroom_api.auth.identity import Identity, Scope
from darkroom_api.database import Pool
from darkroom_api.errors import ForbiddenError, UnauthorizedError
from darkroom_api.resources import Resources

_bearer = OAuth2PasswordBearer(
    tokenUrl="/v1/auth/token", auto_error=False, description="An access token."
)


async def resources_of(request: HTTPConnection) -> Resources:
    """Return what the lifespan opened."""
    resources: Resources = request.state.resources
    return resources


Res = Annotated[Resources, Depends(resources_of)]


async def _pool(resources: Res) -> Pool:
    return resources.pool


async def _storage(resources: Res) -> Storage:
    return resources.storage


async def identify(resources: Resources, token: str | None) -> Identity:
    """Return whom an access token of any kind stands for, or raise UnauthorizedError."""
    if not token:
        raise UnauthorizedError("send an access token: Authorization: Bearer ...")
    for authenticator in resources.authenticators:
        identity = await authenticator.identity(token)
        if identity is not None:
            return identity
    return resources.tokens.read(token)


async def _identity(
    request: HTTPConnection, resources: Res, token: Annotated[str | None, Depends(_bearer)]
) -> Identity:
    identity = await identify(resources, token)
    await resources.limits.admit(request, identity)
    return identity


Database = Annotated[Pool, Depends(_pool)]
Bytes = Annotated[Storage, Depends(_storage)]
SignedIn = Annotated[Identity, Depends(_identity)]
"""Whoever made the request; without a valid token it is answered with 401."""


def requires(scope: Scope) -> Callable[..., Awaitable[Identity]]:
    """Return the dependency that lets through who has this scope; others are answered with 403."""

    async def check(identity: SignedIn) -> Identity:
        if scope not in identity.scopes:
            raise ForbiddenError(f"this needs the scope {scope.value}, which you do not have here")
        return identity

    return check


TaskReader = Annotated[Identity, Depends(requires(Scope.TASKS_READ))]
TaskWriter = Annotated[Identity, Depends(requires(Scope.TASKS_WRITE))]
ScheduleWriter = Annotated[Identity, Depends(requires(Scope.SCHEDULES_WRITE))]
RecipeWriter = Annotated[Identity, Depends(requires(Scope.RECIPES_WRITE))]
WebhookWriter = Annotated[Identity, Depends(requires(Scope.WEBHOOKS_WRITE))]
AccountOwner = Annotated[Identity, Depends(requires(Scope.ACCOUNT))]
AdminReader = Annotated[Identity, Depends(requires(Scope.ADMIN_READ))]
AdminWriter = Annotated[Identity, Depends(requires(Scope.ADMIN_WRITE))]
