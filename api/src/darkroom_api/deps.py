"""What an endpoint can ask for, each by one annotation.

All are coroutines, though they await nothing: FastAPI runs plain functions in threads.
"""

from typing import Annotated

from darkroom_core.storage import Storage
from fastapi import Depends
from fastapi.security import OAuth2PasswordBearer
from starlette.requests import HTTPConnection

from darkroom_api.auth.identity import Identity, Scope
from darkroom_api.database import Pool
from darkroom_api.errors import ForbiddenError, UnauthorizedError
from darkroom_api.resources import Resources


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


class Access(OAuth2PasswordBearer):
    """The dependency that lets through who has the scope: others are answered with 401 or 403.

    One call does it all. FastAPI would resolve a dependency of its own for each step, which takes
    longer than the steps.
    """

    def __init__(self, scope: Scope | None = None) -> None:
        super().__init__(
            tokenUrl="/v1/auth/token",
            scheme_name="OAuth2PasswordBearer",
            description="An access token.",
            auto_error=False,
        )
        self._scope = scope

    async def __call__(  # type: ignore[override]  # more than the token
        self, request: HTTPConnection
    ) -> Identity:
        """Return who makes the request."""
        # Asked for twice, they are counted once.
        identity: Identity | None = getattr(request.state, "identity", None)
        if identity is None:
            resources: Resources = request.state.resources
            identity = await identify(resources, await super().__call__(request))
            await resources.limits.admit(request, identity)
            request.state.identity = identity
        if self._scope and self._scope not in identity.scopes:
            raise ForbiddenError(
                f"this needs the scope {self._scope.value}, which you do not have here"
            )
        return identity


Database = Annotated[Pool, Depends(_pool)]
Bytes = Annotated[Storage, Depends(_storage)]
SignedIn = Annotated[Identity, Depends(Access())]
"""Whoever made the request; without a valid token it is answered with 401."""


TaskReader = Annotated[Identity, Depends(Access(Scope.TASKS_READ))]
TaskWriter = Annotated[Identity, Depends(Access(Scope.TASKS_WRITE))]
ScheduleWriter = Annotated[Identity, Depends(Access(Scope.SCHEDULES_WRITE))]
RecipeWriter = Annotated[Identity, Depends(Access(Scope.RECIPES_WRITE))]
WebhookWriter = Annotated[Identity, Depends(Access(Scope.WEBHOOKS_WRITE))]
AccountOwner = Annotated[Identity, Depends(Access(Scope.ACCOUNT))]
AdminReader = Annotated[Identity, Depends(Access(Scope.ADMIN_READ))]
AdminWriter = Annotated[Identity, Depends(Access(Scope.ADMIN_WRITE))]
