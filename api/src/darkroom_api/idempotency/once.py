"""The hold that a request has on its key, as a dependency of routes."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Final
from uuid import UUID, uuid4

import anyio
from darkroom_core.background import ended
from fastapi import Depends, Header, Request, Response

from darkroom_api import errors
from darkroom_api.database import AWAY, Connection, Pool
from darkroom_api.deps import Res, SignedIn
from darkroom_api.idempotency import queries
from darkroom_api.idempotency.key import key_of
from darkroom_api.idempotency.queries import Place, Stored
from darkroom_api.middleware import media_type
from darkroom_api.problem_handlers import response_of

_log = logging.getLogger(__name__)

EXPIRY_SECONDS: Final = 24 * 60 * 60
LEASE_SECONDS: Final = 60.0
"""Who says nothing for so long is dead; who is alive says so three times as often."""

_TRIES: Final = 5
_KEPT_HEADERS: Final = ("location", "retry-after", "content-type", "etag", "preference-applied")
# Such an answer may be another one at the next try, though nothing of the request changed.
_PASSING: Final = {401, 403, 408, 429}


class ReplayedError(Exception):
    """The request was carried out before; `response` is what was answered then."""

    def __init__(self, response: Response) -> None:
        super().__init__("the stored answer is given again")
        self.response = response


async def replayed(_request: Request, error: Exception) -> Response:
    """Answer as the first time."""
    assert isinstance(error, ReplayedError)  # noqa: S101  # registered for nothing else
    return error.response


class Once:
    """A request's hold on its key, or what is stored under it."""

    def __init__(self, pool: Pool, place: Place, known: Stored | None = None) -> None:
        self.is_settled = False
        self._pool = pool
        self._place = place
        self._token: UUID = uuid4()
        self._known = known
        self._fingerprint: bytes | None = None

    async def begin(self) -> None:
        """Take the key, or find what is stored under it; raise where it is under way."""
        async with self._pool.connection() as connection:
            for _ in range(_TRIES):
                if await queries.hold(
                    connection,
                    self._place,
                    self._token,
                    lease_seconds=LEASE_SECONDS,
                    expiry_seconds=EXPIRY_SECONDS,
                ):
                    return
                self._known = await queries.stored(connection, self._place)
                if self._known and self._known.status is not None:
                    return
                if self._known:
                    break
        raise errors.KeyInUseError("a request with this Idempotency-Key is under way: wait for it")

    async def fingerprint(self, digest: bytes) -> None:
        """Say what is asked for, once that is known; raise the answer, or that it was another."""
        self._fingerprint = digest
        known = self._known
        if known is None:
            return
        if known.fingerprint != digest:
            raise errors.KeyReusedError(
                "this Idempotency-Key was sent with another request: each request has its own"
            )
        headers = {**(known.headers or {}), "Idempotent-Replayed": "true"}
        raise ReplayedError(Response(known.body, known.status or 200, headers))

    async def settle(self, connection: Connection, response: Response) -> None:
        """Write the answer down, in the transaction that does what it tells of."""
        if not await queries.settle(
            connection,
            self._place,
            self._token,
            fingerprint=self._fingerprint or b"",
            status=response.status_code,
            headers={
                name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers
            },
            body=bytes(response.body),
        ):
            raise errors.KeyInUseError("another request with this Idempotency-Key was faster")
        self.is_settled = True

    async def fail(self, request: Request, error: errors.ApiError) -> None:
        """Keep an error that every other try would end with, too."""
        is_final = error.status < 500 and error.status not in _PASSING and not error.retryable  # noqa: PLR2004
        if self._known is None and self._fingerprint is not None and is_final:
            async with self._pool.connection() as connection:
                await self.settle(connection, response_of(request, error))

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Keep the hold alive; give it back where nothing was written down."""
        if self._known is not None:
            yield
            return
        beat = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            # A client that left cancels this; the key is free for its next try all the same.
            with anyio.CancelScope(shield=True):
                await ended([beat])
                if not self.is_settled:
                    with suppress(*AWAY):
                        async with self._pool.connection() as connection:
                            await queries.release(connection, self._place, self._token)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            try:
                async with self._pool.connection() as connection:
                    await queries.extend(
                        connection, self._place, self._token, lease_seconds=LEASE_SECONDS
                    )
            except AWAY as error:
                _log.warning("a hold is not extended: %s", str(error).strip())


async def _once(
    request: Request,
    identity: SignedIn,
    resources: Res,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="A string of your own for this request, as a UUID. Sent again within 24 "
            "hours, the request is not carried out again: its answer is given again, with "
            "`Idempotent-Replayed: true`.",
            examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
        ),
    ] = None,
) -> AsyncIterator[Once | None]:
    if idempotency_key is None:
        yield None
        return
    route = f"{request.method} {request.url.path}"
    once = Once(resources.pool, Place(identity.user_id, route, key_of(idempotency_key)))
    await once.begin()
    async with once.held():
        try:
            if media_type(request.scope) != "multipart/form-data":
                await once.fingerprint(hashlib.sha256(await request.body()).digest())
            yield once
        except errors.ApiError as error:
            await once.fail(request, error)
            raise


IdempotencyKey = Annotated[Once | None, Depends(_once, scope="function")]
"""The request's hold on its key; None without the header. Other requests never get so far.

Bodies of multipart/form-data are read by the route, which calls `fingerprint` once it has.
"""
