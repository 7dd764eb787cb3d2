"""What an endpoint can ask for, each by one annotation.

All are coroutines, though they await nothing: FastAPI runs plain functions in threads.
"""

from typing import Annotated

from darkroom_core.storage import Storage
from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer

from darkroom_api.auth.tokens import Identity
from darkroom_api.database import Pool
from darkroom_api.errors import UnauthorizedError
from darkroom_api.resources import Resources

_bearer = OAuth2PasswordBearer(
    tokenUrl="/v1/auth/token", auto_error=False, description="An access token."
)


async def resources_of(request: Request) -> Resources:
    """Return what the lifespan opened."""
    resources: Resources = request.state.resources
    return resources


Res = Annotated[Resources, Depends(resources_of)]


async def _pool(resources: Res) -> Pool:
    return resources.pool


async def _storage(resources: Res) -> Storage:
    return resources.storage


async def _identity(resources: Res, token: Annotated[str | None, Depends(_bearer)]) -> Identity:
    if not token:
        raise UnauthorizedError("send an access token: Authorization: Bearer ...")
    return resources.tokens.read(token)


Database = Annotated[Pool, Depends(_pool)]
Bytes = Annotated[Storage, Depends(_storage)]
SignedIn = Annotated[Identity, Depends(_identity)]
"""Whoever made the request; without a valid token it is answered with 401."""
