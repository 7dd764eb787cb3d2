"""Quotas, last in the transaction that uses them up: two at once cannot both have the last."""

from datetime import UTC, datetime, time, timedelta
from typing import Final

from darkroom_api.auth.identity import Identity
from darkroom_api.database import Connection
from darkroom_api.errors import QuotaExceededError
from darkroom_api.limits import queries
from darkroom_api.limits.quota import Usage, override_of, refusal
from darkroom_api.limits.settings import QuotaSettings

_LATER_SECONDS: Final = 60


async def admit(
    connection: Connection,
    identity: Identity,
    *,
    defaults: QuotaSettings,
    tasks: int = 0,
    bytes_: int = 0,
) -> None:
    """Count tasks and bytes that this transaction has added, or raise QuotaExceededError.

    Call it after they are inserted, and as late as can be: until the transaction ends, others of
    the same user wait.
    """
    owner = identity.user_id
    counted = await queries.count(connection, owner, tasks=tasks, bytes_=bytes_)
    quota = override_of(counted.quota).over(defaults)
    today = counted.tasks if tasks else 0
    unfinished, stored = 0, 0
    if tasks and quota.tasks_at_once is not None:
        unfinished = await queries.unfinished(connection, owner)
    if quota.bytes_stored is not None:
        stored = counted.bytes
        if not counted.is_fresh:
            stored = await queries.measure(connection, owner)
            await queries.keep_measured(connection, owner, stored)
    wanted = Usage(tasks_per_day=today, tasks_at_once=unfinished, bytes_stored=stored)
    if found := refusal(quota, wanted):
        seconds = _until_midnight() if found.policy == "tasks_per_day" else _LATER_SECONDS
        raise QuotaExceededError(found.sentence, policy=found.policy, retry_after=seconds)


def _until_midnight() -> int:
    now = datetime.now(UTC)
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
    return max(1, round((midnight - now).total_seconds()))
