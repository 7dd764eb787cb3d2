"""How webhooks are sent: the part of the settings that is about them."""

from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class WebhookSettings(BaseModel):
    """What may be called, how often, and for how long it is remembered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow_http: bool = Field(
        default=False, description="Whether webhooks may go to http:// URLs, unencrypted."
    )
    allowed_networks: str = Field(
        "",
        description="Networks inside, as CIDR separated by commas, that webhooks may reach beside "
        "public addresses.",
    )
    timeout_seconds: int = Field(
        20, ge=1, le=30, description="How long a receiver may take to answer."
    )
    concurrency: int = Field(
        32, ge=1, le=1000, description="Most webhooks that one replica sends at the same time."
    )
    concurrency_per_receiver: int = Field(
        4, ge=1, le=100, description="Most of them that are sent to one endpoint."
    )
    disable_after_days: int = Field(
        5, ge=1, le=365, description="After how many days of failures an endpoint is disabled."
    )
    keep_days: int = Field(
        30, ge=1, le=3650, description="How long the log of deliveries and mail is kept, in days."
    )
    encryption_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="Key that encrypts the secrets of webhooks in Postgres; default: one that is "
        "derived from DARKROOM_JWT_KEY. If it changes, secrets have to be rotated.",
    )

    @field_validator("allowed_networks")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        _networks(value)
        return value

    @cached_property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks of `allowed_networks`."""
        return _networks(self.allowed_networks)


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
