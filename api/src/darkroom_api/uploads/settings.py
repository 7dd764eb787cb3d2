"""What is taken in, and for how long it is waited for."""

from pydantic import BaseModel, ConfigDict, Field


class UploadSettings(BaseModel):
    """The limits of files that come by /v1/uploads and /v1/tus."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_bytes: int = Field(5_000_000_000, ge=1, description="Longest file, in bytes.")
    max_pixels: int = Field(
        500_000_000, ge=1, description="Most pixels, width times height, that a picture may have."
    )
    max_side: int = Field(65_535, ge=1, description="Most pixels that a side may have.")
    expiry_seconds: int = Field(
        86_400, ge=60, le=604_800, description="How long an upload may take to be completed."
    )
    unused_seconds: int = Field(
        86_400, ge=60, description="How long a file is kept that no task uses."
    )
    sweep_seconds: float = Field(
        15.0, ge=1, description="How often it is looked for uploads whose client never said so."
    )
