"""How much is allowed: the part of the settings that is about limits and quotas."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Preset(StrEnum):
    """A burst, and how many requests per second it fills up again by."""

    STRICT = "strict"
    """3 requests, then one in 10 s."""
    CONSERVATIVE = "conservative"
    """10 requests, then 5 a second."""
    MODERATE = "moderate"
    """20 requests, then 10 a second."""
    GENEROUS = "generous"
    """100 requests, then 50 a second."""
    NONE = "none"
    """No limit."""


class LimitSettings(BaseModel):
    """Rate limits, by the class of a route."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(
        default=True, description="Whether requests are counted; quotas hold in any case."
    )
    read: Preset = Field(Preset.GENEROUS, description="Of each user, for reading.")
    write: Preset = Field(Preset.MODERATE, description="Of each user, for all that changes things.")
    upload: Preset = Field(Preset.MODERATE, description="Of each user, for sending files.")
    stream: Preset = Field(Preset.CONSERVATIVE, description="Of each user, for opening streams.")
    auth_per_second: float = Field(
        1, gt=0, le=10_000, description="Of each address, below /v1/auth/: requests per second."
    )
    auth_burst: int = Field(
        3, ge=1, le=100_000, description="Of each address, below /v1/auth/: requests at once."
    )
    global_per_second: int = Field(
        300, ge=1, le=1_000_000, description="Of everybody together, over all replicas."
    )
    patience_ms: int = Field(
        100,
        ge=1,
        le=10_000,
        description="How long a request waits for Postgres to count it, in milliseconds. After "
        "that it is let through uncounted, and none is counted for a second.",
    )


class QuotaSettings(BaseModel):
    """What each user may have, where an admin gave them nothing else; null is without end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks_per_day: int | None = Field(
        None, ge=0, description="Most tasks that a user makes on one day (UTC)."
    )
    bytes_stored: int | None = Field(
        None, ge=0, description="Most bytes of a user's uploads and outputs in storage."
    )
    tasks_at_once: int | None = Field(
        None, ge=0, description="Most tasks of a user that have not ended."
    )
