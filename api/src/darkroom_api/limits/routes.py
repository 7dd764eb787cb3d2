"""What one may have, and how much of it is used."""

from datetime import UTC, datetime, time, timedelta

from fastapi import APIRouter
from pydantic import BaseModel, Field

from darkroom_api import errors, responses
from darkroom_api.deps import AccountOwner, Res
from darkroom_api.limits import queries
from darkroom_api.limits.bucket import policy_of, preset_of
from darkroom_api.limits.quota import override_of
from darkroom_api.limits.route_class import RouteClass
from darkroom_api.limits.settings import LimitSettings, Preset

router = APIRouter(prefix="/v1/me", tags=["account"])


class Allowance(BaseModel):
    """How much of one thing a user may have."""

    limit: int | None = Field(description="null: without end.")
    used: int
    remaining: int | None = Field(description="null: without end.")


class RateLimit(BaseModel):
    """How many requests of one class a user may send."""

    burst: int = Field(description="At once.", examples=[20])
    per_second: float = Field(description="By which they fill up again.", examples=[10])


class QuotaView(BaseModel):
    """One's quotas and rate limits."""

    tasks_per_day: Allowance = Field(description="Tasks that were made today (UTC).")
    tasks_at_once: Allowance = Field(description="Tasks that have not ended.")
    bytes_stored: Allowance = Field(
        description="Bytes of uploads and outputs, as of a minute ago at most."
    )
    day_ends_at: datetime = Field(description="When the next day begins.")
    rate_limits: dict[str, RateLimit | None] = Field(
        description="By the class of a request: read, write, upload, stream. null: no limit.",
        examples=[{"read": {"burst": 100, "per_second": 50}, "stream": None}],
    )


@router.get(
    "/quota",
    operation_id="getMyQuota",
    responses=responses.of(
        errors.UnauthorizedError, errors.ForbiddenError, errors.UnavailableError
    ),
)
async def get_my_quota(identity: AccountOwner, resources: Res) -> QuotaView:
    """Look at one's quotas, what is used of them, and one's rate limits."""
    async with resources.pool.connection() as connection:
        used = await queries.used(connection, identity.user_id)
        if used is None:
            raise errors.UnauthorizedError("this user does not exist any more")
        stored = used.bytes
        if not used.is_fresh:
            stored = await queries.measure(connection, identity.user_id)
            await queries.keep_measured(connection, identity.user_id, stored)
    override = override_of(used.quota)
    quota = override.over(resources.settings.quotas)
    return QuotaView(
        tasks_per_day=_allowance(quota.tasks_per_day, used.tasks),
        tasks_at_once=_allowance(quota.tasks_at_once, used.unfinished),
        bytes_stored=_allowance(quota.bytes_stored, stored),
        day_ends_at=datetime.combine(datetime.now(UTC).date() + timedelta(days=1), time(), UTC),
        rate_limits={
            kind.value: _rate_limit(kind, override.limits, resources.settings.limits)
            for kind in RouteClass
            if kind is not RouteClass.AUTH
        },
    )


def _allowance(limit: int | None, used: int) -> Allowance:
    return Allowance(
        limit=limit, used=used, remaining=None if limit is None else max(0, limit - used)
    )


def _rate_limit(
    kind: RouteClass, own: dict[RouteClass, Preset], settings: LimitSettings
) -> RateLimit | None:
    policy = policy_of(own.get(kind, preset_of(settings, kind)), kind)
    if policy is None or not settings.enabled:
        return None
    return RateLimit(burst=policy.burst, per_second=policy.per_second)
