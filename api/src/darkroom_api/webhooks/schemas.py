"""What the endpoints about webhooks take and give."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from darkroom_api.webhooks.events import Pattern
from darkroom_api.webhooks.task_webhook import DEFAULT_TYPES
from darkroom_api.webhooks.urls import WebhookUrl

_DAY = 86_400

Description = Annotated[
    str, Field(max_length=200, pattern=r"^[^\x00]*$", description="What it is for; for you.")
]
Types = Annotated[
    list[Pattern],
    Field(
        min_length=1,
        max_length=20,
        description="What to tell: types of events; `task.*` and `*` are all of them.",
    ),
]
DeliveryStatus = Literal["pending", "succeeded", "failed"]


class NewWebhook(BaseModel):
    """An endpoint of yours that is to be told what happens to your tasks."""

    model_config = ConfigDict(extra="forbid")

    url: WebhookUrl
    description: Description | None = None
    types: Types = Field(default_factory=lambda: list(DEFAULT_TYPES))


class WebhookChange(BaseModel):
    """What is to be different; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    url: WebhookUrl | None = None
    description: Description | None = None
    types: Types | None = None
    enabled: bool | None = Field(None, description="Whether anything is sent to it.")


class WebhookView(BaseModel):
    """An endpoint of yours."""

    id: str = Field(examples=["we-019aac1be8f27a70b6b1c9a1f2d3e4f5"])
    object: Literal["webhook"] = "webhook"
    url: str
    description: str | None
    types: list[str]
    enabled: bool
    disabled_at: datetime | None
    disabled_because: Literal["asked", "gone", "failing"] | None = Field(
        description="asked: by you; gone: it answered 410; failing: after days of failures."
    )
    failing_since: datetime | None = Field(description="The first failure after the last success.")
    previous_secret_until: datetime | None = Field(
        description="Until when the secret before the last rotation signs too."
    )
    created_at: datetime
    updated_at: datetime


class WebhookWithSecret(WebhookView):
    """A new endpoint, with its secret, which is never shown again."""

    secret: str = Field(description="What verifies the signatures.", examples=["whsec_bm90IGl0"])


class WebhookList(BaseModel):
    """All your endpoints, the newest first."""

    object: Literal["list"] = "list"
    data: list[WebhookView]


class Rotation(BaseModel):
    """How a secret is replaced."""

    model_config = ConfigDict(extra="forbid")

    grace_seconds: int = Field(
        _DAY,
        ge=0,
        le=7 * _DAY,
        description="How long the secret before signs too, so that receivers can change over.",
    )


class SecretView(BaseModel):
    """A new secret, which is never shown again."""

    object: Literal["webhook_secret"] = "webhook_secret"
    secret: str = Field(description="What verifies the signatures.", examples=["whsec_bm90IGl0"])
    previous_secret_until: datetime | None = Field(
        description="Until when the secret before signs too; null if there was none."
    )


class DeliveryView(BaseModel):
    """One thing that is to be told to one receiver."""

    id: str = Field(
        description="Also the header webhook-id.", examples=["msg-019aac1be8f27a70b6b1c9a1f2d3e4f5"]
    )
    object: Literal["delivery"] = "delivery"
    webhook: str | None = Field(description="The endpoint; null for a task's own URL.")
    url: str
    task: str | None = Field(description="The task that it is about; null for a test.")
    type: str = Field(examples=["task.succeeded"])
    status: DeliveryStatus = Field(
        description="pending: not told yet; failed: given up, until it is replayed."
    )
    attempts: int = Field(description="How often it was sent, or is being sent just now.")
    next_attempt_at: datetime | None = Field(description="While it is pending: not before.")
    error: str | None = Field(description="Why it was not told.")
    created_at: datetime
    finished_at: datetime | None


class AttemptView(BaseModel):
    """One try to deliver."""

    number: int
    at: datetime = Field(description="When it had ended.")
    status_code: int | None = Field(description="What the receiver answered; null: it did not.")
    error: str | None
    latency_ms: int
    response: str | None = Field(description="The first bytes of the answer.")


class DeliveryDetail(DeliveryView):
    """A delivery, with what is sent and what came of each try."""

    body: str = Field(description="What is sent, byte for byte.")
    log: list[AttemptView] = Field(description="The tries that have ended, the oldest first.")


class DeliveryPage(BaseModel):
    """Some deliveries, the newest first."""

    object: Literal["list"] = "list"
    data: list[DeliveryView]
    has_more: bool
    next_cursor: str | None = Field(description="Give it as `cursor` to get what follows.")


class Replay(BaseModel):
    """What is to be sent again."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime = Field(description="Deliveries that were made since and have failed.")
    webhook: str | None = Field(
        None, max_length=100, pattern=r"^[^\x00]*$", description="Only those to this endpoint."
    )


class Replayed(BaseModel):
    """What came of a replay."""

    object: Literal["replay"] = "replay"
    replayed: int = Field(description="How many deliveries are sent again.")
