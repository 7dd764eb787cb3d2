"""Which OpenID provider is trusted: the part of the settings that is about it."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

# Of asymmetric keys only: what is signed by a shared secret can be made by whoever checks it.
ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)


class OidcSettings(BaseModel):
    """An OpenID provider, whose users are let in. Without an issuer there is none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str | None = Field(
        None,
        description="The provider's issuer, an https:// URL; its metadata is found below it.",
        examples=["https://id.example.com/realms/media"],
    )
    audience: str | None = Field(
        None,
        min_length=1,
        description="What access tokens of the provider have to be for; without it none are taken.",
    )
    client_id: str | None = Field(
        None, min_length=1, description="The client for logins; without it there are none."
    )
    client_secret: SecretStr | None = Field(
        None, description="The client's secret; without it the client is a public one."
    )
    scopes: str = Field("openid email", description="What is asked for at a login.")
    algorithms: str = Field(
        "RS256,ES256", description="Which signatures are good, separated by commas."
    )
    create_users: bool = Field(
        default=True, description="Whether somebody who comes for the first time becomes a user."
    )
    link_by_email: bool = Field(
        default=True,
        description="Whether somebody with an address that both the provider and Darkroom have "
        "verified is that user. Say no if the provider lets people choose their address.",
    )
    keys_seconds: int = Field(
        600, ge=10, le=86_400, description="How long the provider's keys are kept."
    )

    @field_validator("issuer")
    @classmethod
    def _is_safe(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if not parts.hostname or parts.query or parts.fragment:
            raise ValueError("an issuer is a URL without a query")
        if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(parts.hostname)):
            raise ValueError("an issuer is an https:// URL")
        return value

    @field_validator("algorithms")
    @classmethod
    def _are_asymmetric(cls, value: str) -> str:
        wrong = set(_words(value)) - set(ALGORITHMS)
        if wrong or not _words(value):
            raise ValueError(f"these are possible: {', '.join(ALGORITHMS)}")
        return value

    @model_validator(mode="after")
    def _is_not_for_its_own_id_tokens(self) -> "OidcSettings":
        if self.audience and self.audience == self.client_id:
            raise ValueError(
                "audience and client_id have to differ: an ID token is not an access token"
            )
        return self

    @property
    def allowed_algorithms(self) -> tuple[str, ...]:
        """The names in `algorithms`."""
        return _words(self.algorithms)


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
