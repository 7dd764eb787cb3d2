"""The settings of live streams."""

from pydantic import BaseModel, ConfigDict, Field


class EventSettings(BaseModel):
    """How events are kept and sent."""

    model_config = ConfigDict(frozen=True)

    keep_seconds: int = Field(
        259_200,
        ge=60,
        description="How long events are kept, for clients that come back, in seconds.",
    )
    ping_seconds: float = Field(
        15, gt=0, le=300, description="After how many quiet seconds a stream sends a sign of life."
    )
    max_streams: int = Field(
        4000, ge=1, le=1_000_000, description="Most open streams of one replica."
    )
    origins: list[str] = Field(
        [],
        description="Origins whose pages may open WebSockets, as JSON, beside the API's own: "
        '["https://app.example.com"]; "*" for all.',
    )
