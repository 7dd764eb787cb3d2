"""What the endpoints about mail take and give."""

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Notifications(BaseModel):
    """Which mail you get about your tasks. Mail about your account is always sent."""

    model_config = ConfigDict(extra="forbid")

    on_success: bool = Field(default=False, description="A mail for each task that succeeds.")
    on_failure: bool = Field(
        default=False, description="A mail for each task that fails, or is not done in time."
    )
    digest: Literal["off", "daily"] = Field(
        "off", description="daily: one mail a day about all that ended, if anything did."
    )
    digest_hour: int = Field(8, ge=0, le=23, description="At which hour of your day.")
    timezone: str = Field(
        "UTC",
        max_length=64,
        description="Whose hours they are: a name of the IANA time zone database.",
        examples=["Europe/Berlin"],
    )

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("there is no such time zone") from None
        return value


class MailView(BaseModel):
    """A mail, without what it says."""

    id: str
    object: Literal["mail"] = "mail"
    to: str
    template: str
    status: Literal["pending", "succeeded", "failed", "previewed"] = Field(
        description="previewed: not sent, for DARKROOM_MAIL__PREVIEW is set; it can be looked at."
    )
    attempts: int
    error: str | None
    created_at: datetime
    finished_at: datetime | None


class MailList(BaseModel):
    """The newest mails."""

    object: Literal["list"] = "list"
    data: list[MailView]
