"""Token buckets as numbers: what a limit says, and how it is told. Nothing here does IO."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from darkroom_api.limits.route_class import RouteClass
from darkroom_api.limits.settings import LimitSettings, Preset

_LOTS: Final = 10
"""A replica takes a tenth of a burst at a time, so little is with a replica that nobody asks."""


@dataclass(frozen=True)
class Policy:
    """A limit: `burst` requests at once, which fill up again by `per_second`."""

    name: str
    burst: int
    per_second: float

    @property
    def lot(self) -> int:
        """How many permits a replica takes from Postgres at once."""
        return max(1, self.burst // _LOTS)

    @property
    def header(self) -> str:
        """As the header RateLimit-Policy says it: w is the time in which a burst fills up again."""
        return f'"{self.name}";q={self.burst};w={math.ceil(self.burst / self.per_second)}'


_PRESETS: Final[Mapping[Preset, tuple[int, float]]] = {
    Preset.STRICT: (3, 0.1),
    Preset.CONSERVATIVE: (10, 5),
    Preset.MODERATE: (20, 10),
    Preset.GENEROUS: (100, 50),
}


def policy_of(preset: Preset, kind: RouteClass) -> Policy | None:
    """Return the limit; None: there is none."""
    if preset is Preset.NONE:
        return None
    burst, per_second = _PRESETS[preset]
    return Policy(kind.value, burst, per_second)


def preset_of(settings: LimitSettings, kind: RouteClass) -> Preset:
    """Return what the settings say of a user's requests of this class."""
    match kind:
        case RouteClass.READ:
            return settings.read
        case RouteClass.WRITE:
            return settings.write
        case RouteClass.UPLOAD:
            return settings.upload
        case RouteClass.STREAM:
            return settings.stream
        case RouteClass.AUTH:
            # Counted by address, before anybody knows who it is.
            return Preset.NONE


@dataclass(frozen=True)
class Level:
    """How full a bucket is, as far as this replica knows."""

    policy: Policy
    held: int
    """Permits that this replica has taken and not given away."""
    left: float
    """Tokens in Postgres, when it was last asked."""
    seconds: float
    """How long ago that was."""

    @property
    def tokens(self) -> float:
        """What is there now; less, if other replicas gave permits away meanwhile."""
        policy = self.policy
        refilled = self.left + self.seconds * policy.per_second
        return min(policy.burst, max(0, self.held) + refilled)

    @property
    def remaining(self) -> int:
        """Requests that may be made at once."""
        return math.floor(self.tokens)

    @property
    def seconds_to_next(self) -> int:
        """After how many seconds the next request may be made; at least one."""
        return max(1, math.ceil((1 - self.tokens) / self.policy.per_second))

    @property
    def seconds_to_full(self) -> int:
        """After how many seconds all of the burst is there again."""
        return math.ceil((self.policy.burst - self.tokens) / self.policy.per_second)

    @property
    def header(self) -> str:
        """As the header RateLimit says it; without any requests left, t is Retry-After."""
        remaining = self.remaining
        seconds = self.seconds_to_full if remaining else self.seconds_to_next
        return f'"{self.policy.name}";r={remaining};t={seconds}'
