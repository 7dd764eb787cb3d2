"""How mail is sent: the part of the settings that is about it."""

from email.utils import parseaddr
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator


class MailSettings(BaseModel):
    """The SMTP server, and how much it is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str | None = Field(None, description="The SMTP server; without one no mail is sent.")
    port: int = Field(587, ge=1, le=65_535, description="Its port; 465 is usual for tls.")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="starttls: encrypted after the first words, or not sent; tls: from the first "
        "byte; none: not at all.",
    )
    ca_file: Path | None = Field(
        None, description="Certificates that sign the server's, if the system does not know them."
    )
    username: str | None = Field(None, description="Who signs in to it; none: nobody does.")
    password: SecretStr | None = Field(None, description="The password of username.")
    sender: str = Field(
        "Darkroom <darkroom@localhost>",
        description="Who mail is from: an address, or a name and an address in <>.",
    )
    preview: bool = Field(
        default=False,
        description="Whether mail is only rendered and kept for admins to look at, not sent.",
    )
    batch: int = Field(50, ge=1, le=1000, description="Most mails that are sent by one connection.")
    per_minute: int = Field(
        600,
        ge=1,
        le=1_000_000,
        description="Most mails in a minute, by all replicas.",
    )
    timeout_seconds: int = Field(
        20, ge=1, le=120, description="How long each answer of the server may take."
    )

    @field_validator("sender")
    @classmethod
    def _has_an_address(cls, value: str) -> str:
        if "@" not in parseaddr(value)[1] or "\n" in value or "\r" in value:
            raise ValueError("not an address")
        return value

    @model_validator(mode="after")
    def _keeps_the_password(self) -> Self:
        if self.username and self.security == "none":
            raise ValueError("a password is sent over TLS only: set security to starttls or tls")
        return self
