"""The settings of downloads."""

from pydantic import BaseModel, ConfigDict, Field


class ResultSettings(BaseModel):
    """How what tasks made is handed out."""

    model_config = ConfigDict(frozen=True)

    redirect: bool = Field(
        default=False,
        description="Whether downloads are answered with a redirect into the bucket, unless the "
        "request says otherwise; clients have to reach the bucket. Local storage never redirects.",
    )
    redirect_seconds: int = Field(
        300, ge=10, le=3600, description="How long the URL in such a redirect is good for."
    )
    share_seconds: int = Field(
        604_800,
        ge=60,
        le=31_536_000,
        description="The longest time for which outputs may be shared by signed URLs.",
    )
