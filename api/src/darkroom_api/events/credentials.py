"""Whether who opened a stream may still look: a stream ends with its token."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from darkroom_api.auth.identity import Identity, Scope
from darkroom_api.database import AWAY
from darkroom_api.deps import identify
from darkroom_api.errors import ApiError
from darkroom_api.resources import Resources

# Keys that are revoked, users that are disabled and sessions that are ended say nothing by
# themselves.
_CHECK_SECONDS: Final = 60


@dataclass
class Credentials:
    """A token, and who came with it."""

    resources: Resources
    token: str
    identity: Identity
    due_at: float = field(init=False)
    """When it is to be looked at again, by time.monotonic()."""

    def __post_init__(self) -> None:
        """Find out when that is."""
        self.due_at = self._next()

    async def are_good(self) -> bool:
        """Ask again who this is. While Postgres is away nobody is sent away."""
        self.due_at = self._next()
        try:
            found = await identify(self.resources, self.token)
        except AWAY:
            return True
        except ApiError as error:
            return error.retryable
        return (
            found.user_id == self.identity.user_id
            and found.sees_all == self.identity.sees_all
            and Scope.TASKS_READ in found.scopes
        )

    def _next(self) -> float:
        ends_at = self.identity.expires_at
        ends_in = (ends_at - datetime.now(UTC)).total_seconds() if ends_at else _CHECK_SECONDS
        return time.monotonic() + (min(ends_in, _CHECK_SECONDS) if ends_in > 0 else _CHECK_SECONDS)
