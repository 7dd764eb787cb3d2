"""Counts requests: all of them, those of an address at the door, and those of each user."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import psycopg
from starlette.requests import HTTPConnection
from starlette.types import Scope

from darkroom_api.auth.identity import Identity
from darkroom_api.database import AWAY, Connection, Pool
from darkroom_api.errors import ApiError, BusyError, RateLimitedError
from darkroom_api.limits import queries
from darkroom_api.limits.address import address_of
from darkroom_api.limits.bucket import Policy, policy_of, preset_of
from darkroom_api.limits.lease import Lease, Leases, give_back
from darkroom_api.limits.quota import QuotaOverride, override_of
from darkroom_api.limits.route_class import RouteClass, class_of
from darkroom_api.limits.settings import LimitSettings
from darkroom_api.metrics import Metrics

_log = logging.getLogger(__name__)

_BLIND_SECONDS: Final = 1
_OVERRIDE_SECONDS: Final = 30
_MOST_OVERRIDES: Final = 10_000
_STATE: Final = "counted"


class _Unknown(Exception):  # noqa: N818  # no failure, for the client
    """Postgres does not answer in time: nobody knows how many requests there were."""


@dataclass
class Counted:
    """What one request used up."""

    leases: list[Lease] = field(default_factory=list)
    told: Lease | None = None
    """The limit that the answer's headers are about."""


class Limiter:
    """The limits of one replica; all replicas share the buckets in Postgres."""

    def __init__(
        self,
        pool: Pool,
        settings: LimitSettings,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._leases = Leases(self._take, clock)
        self._blind_until = 0.0
        self._overrides: dict[UUID, tuple[float, QuotaOverride]] = {}
        rate = settings.global_per_second
        self._everybodys = Policy("global", rate, rate)
        self._addresses = Policy("auth", settings.auth_burst, settings.auth_per_second)

    async def admit_anybody(self, scope: Scope) -> None:
        """Count a request among all, or raise BusyError."""
        if self._settings.enabled and not await self._permit(scope, "global", self._everybodys):
            raise self._refused(BusyError, scope, "the API has more requests than it takes")

    async def admit_address(self, scope: Scope) -> None:
        """Count a request of somebody who is not known yet, or raise RateLimitedError."""
        if not self._settings.enabled:
            return
        key = f"auth:{address_of(scope)}"
        if not await self._permit(scope, key, self._addresses, is_told=True):
            raise self._refused(RateLimitedError, scope, "too many requests from your address")

    async def admit(self, connection: HTTPConnection, identity: Identity) -> None:
        """Count a request of this user, or raise RateLimitedError."""
        scope = connection.scope
        if not self._settings.enabled or counted_in(scope).told:
            return
        kind = class_of(scope)
        policy = await self._policy(identity.user_id, kind)
        if policy is None:
            return
        key = f"{kind.value}:{identity.user_id}"
        if not await self._permit(scope, key, policy, is_told=True):
            raise self._refused(RateLimitedError, scope, f"too many requests of class {kind.value}")

    def headers(self, scope: Scope) -> dict[str, str]:
        """Return what the answer says about limits."""
        lease = counted_in(scope).told
        if lease is None:
            return {}
        level = self._leases.level(lease)
        return {"RateLimit-Policy": lease.policy.header, "RateLimit": level.header}

    def forget(self, user_id: UUID) -> None:
        """Look again at what the user may have, since it was changed."""
        self._overrides.pop(user_id, None)

    async def _policy(self, user_id: UUID, kind: RouteClass) -> Policy | None:
        override = await self._override(user_id)
        return policy_of(override.limits.get(kind, preset_of(self._settings, kind)), kind)

    async def _override(self, user_id: UUID) -> QuotaOverride:
        now = self._clock()
        known = self._overrides.get(user_id)
        if known and known[0] > now:
            return known[1]
        try:
            async with self._connection() as connection:
                override = override_of(await queries.quota_of(connection, user_id))
        except _Unknown:
            return known[1] if known else QuotaOverride()
        if len(self._overrides) >= _MOST_OVERRIDES:
            self._overrides.clear()
        self._overrides[user_id] = (now + _OVERRIDE_SECONDS, override)
        return override

    async def _permit(
        self, scope: Scope, key: str, policy: Policy, *, is_told: bool = False
    ) -> bool:
        counted = counted_in(scope)
        try:
            lease, is_admitted = await self._leases.permit(key, policy)
        except _Unknown:
            return True
        if is_told or not is_admitted:
            counted.told = lease
        if is_admitted:
            counted.leases.append(lease)
        return is_admitted

    def _refused(
        self, kind: type[BusyError | RateLimitedError], scope: Scope, what: str
    ) -> ApiError:
        lease = counted_in(scope).told
        assert lease, "a refusal is told of"  # noqa: S101  # for the type checker
        give_all_back(scope)
        seconds = self._leases.level(lease).seconds_to_next
        self._metrics.http.rate_limited.labels(lease.policy.name).inc()
        policy = lease.policy
        sentence = (
            f"{what}: {policy.burst:g} at once and {policy.per_second:g} a second are allowed; "
            f"send it again in {seconds} s"
        )
        return kind(sentence, policy=policy.name, retry_after=seconds)

    async def _take(self, key: str, policy: Policy, wanted: int) -> tuple[int, float]:
        async with self._connection() as connection:
            return await queries.take(
                connection, key, burst=policy.burst, per_second=policy.per_second, wanted=wanted
            )

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        """Give up on Postgres after a while, and then at once for a while."""
        if self._clock() < self._blind_until:
            raise _Unknown
        try:
            async with (
                asyncio.timeout(self._settings.patience_ms / 1000),
                self._pool.connection() as connection,
            ):
                yield connection
        except (TimeoutError, psycopg.Error, *AWAY) as error:
            self._blind_until = self._clock() + _BLIND_SECONDS
            self._metrics.http.rate_limits_unknown.inc()
            reason = str(error).strip() or "Postgres takes too long"
            _log.warning("requests are not counted for %d s: %s", _BLIND_SECONDS, reason)
            raise _Unknown from None


def counted_in(scope: Scope) -> Counted:
    """Return what the request has used up so far."""
    counted: Counted = scope.setdefault("state", {}).setdefault(_STATE, Counted())
    return counted


def give_all_back(scope: Scope) -> None:
    """Count the request as none."""
    counted = counted_in(scope)
    while counted.leases:
        give_back(counted.leases.pop())
