"""Which backend, and where: the settings that the API and the operator share."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from darkroom_core.storage.base import Storage


class StorageSettings(BaseModel):
    """The place where bytes live."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: Literal["local", "s3"] = Field(
        "local", description="local: a directory that the API serves; s3: a bucket."
    )
    directory: Path = Field(
        Path("/var/lib/darkroom/objects"), description="The directory of the local backend."
    )
    url: str = Field(
        "http://darkroom-api",
        description="Where processors reach the API, for the local backend's signed URLs and for "
        "progress.",
    )
    signing_key: SecretStr = Field(
        SecretStr(""), description="Key of the signed URLs that the API serves; 32 random bytes."
    )
    bucket: str = Field("", description="The bucket of the s3 backend.")
    endpoint: str | None = Field(
        None, description="URL of an S3-compatible store; none means Amazon's."
    )
    region: str = Field("us-east-1", description="The bucket's region.")
    path_style: bool = Field(
        default=False, description="Whether the bucket is named in the path, not in the host."
    )

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if not self.signing_key.get_secret_value():
            msg = "storage needs a signing_key"
            raise ValueError(msg)
        if self.backend == "s3" and not self.bucket:
            msg = "the s3 backend needs a bucket"
            raise ValueError(msg)
        return self

    @property
    def signing_key_bytes(self) -> bytes:
        """The signing key as HMAC takes it."""
        return self.signing_key.get_secret_value().encode()


def open_storage(settings: StorageSettings) -> Storage:
    """Return the backend that the settings name. Nothing is connected to yet."""
    if settings.backend == "s3":
        from darkroom_core.storage.s3 import S3Storage  # noqa: PLC0415  # boto3 only where needed

        return S3Storage(
            settings.bucket,
            endpoint=settings.endpoint,
            region=settings.region,
            path_style=settings.path_style,
        )
    from darkroom_core.storage.local import LocalStorage  # noqa: PLC0415

    return LocalStorage(
        settings.directory, base_url=settings.url, signing_key=settings.signing_key_bytes
    )
