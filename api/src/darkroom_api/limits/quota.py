"""Decides whether what somebody wants fits into their quota. Nothing here does IO."""

from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from darkroom_api.limits.route_class import RouteClass
from darkroom_api.limits.settings import Preset, QuotaSettings

LARGEST: Final = 2**53 - 1
"""What JSON can say exactly everywhere."""


class QuotaOverride(BaseModel):
    """What one user has instead of the settings; what is left out is as in the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks_per_day: int | None = Field(None, ge=0, le=LARGEST, description="null: without end.")
    bytes_stored: int | None = Field(None, ge=0, le=LARGEST, description="null: without end.")
    tasks_at_once: int | None = Field(None, ge=0, le=LARGEST, description="null: without end.")
    limits: dict[RouteClass, Preset] = Field(
        default={},
        description="Rate limits by the class of a route.",
        examples=[{"read": "generous"}],
    )

    def over(self, settings: QuotaSettings) -> QuotaSettings:
        """Return what holds for this user."""
        own = self.model_dump(include=self.model_fields_set - {"limits"})
        return settings.model_copy(update=own)


def override_of(document: object) -> QuotaOverride:
    """Return what the column says; what cannot be read changes nothing."""
    try:
        return QuotaOverride.model_validate(document)
    except ValidationError:
        return QuotaOverride()


class Usage(BaseModel):
    """What a user has used, or would have."""

    model_config = ConfigDict(frozen=True)

    tasks_per_day: int = Field(description="Tasks that were made today (UTC).")
    bytes_stored: int = Field(description="Bytes in storage, as of a minute ago at most.")
    tasks_at_once: int = Field(description="Tasks that have not ended.")


@dataclass(frozen=True)
class Refusal:
    """What does not fit, and a sentence on it."""

    policy: str
    sentence: str


def refusal(quota: QuotaSettings, wanted: Usage) -> Refusal | None:
    """Return the first quota that would be exceeded."""
    if quota.tasks_per_day is not None and wanted.tasks_per_day > quota.tasks_per_day:
        return Refusal(
            "tasks_per_day",
            f"this would make {wanted.tasks_per_day:,} tasks today, and your quota is "
            f"{quota.tasks_per_day:,}: go on after midnight UTC, or ask for a larger quota",
        )
    if quota.tasks_at_once is not None and wanted.tasks_at_once > quota.tasks_at_once:
        return Refusal(
            "tasks_at_once",
            f"{wanted.tasks_at_once:,} of your tasks would be unfinished, and your quota is "
            f"{quota.tasks_at_once:,}: wait until some have ended, or cancel some",
        )
    if quota.bytes_stored is not None and wanted.bytes_stored > quota.bytes_stored:
        return Refusal(
            "bytes_stored",
            f"you would have {wanted.bytes_stored:,} bytes in storage, and your quota is "
            f"{quota.bytes_stored:,}: delete tasks that you do not need, or ask for a larger quota",
        )
    return None
