"""The API's settings, read from the environment once, when the process starts."""

import re
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final

from darkroom_core.logs import LogSettings
from darkroom_core.storage import StorageSettings
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from darkroom_api.auth.schemas import Email
from darkroom_api.errors import CommandError
from darkroom_api.events.settings import EventSettings
from darkroom_api.limits.settings import LimitSettings, QuotaSettings
from darkroom_api.mail.settings import MailSettings
from darkroom_api.oidc.settings import OidcSettings
from darkroom_api.results.settings import ResultSettings
from darkroom_api.tasks.retention import Retention
from darkroom_api.uploads.settings import UploadSettings
from darkroom_api.webhooks.settings import WebhookSettings


class Settings(BaseSettings):
    """Each field is the variable DARKROOM_ and its name; `__` leads into `storage`."""

    model_config = SettingsConfigDict(
        env_prefix="DARKROOM_", env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    database_url: SecretStr = Field(
        description="Postgres, as a URL: postgresql://user:password@host:5432/database."
    )
    database_connections: int = Field(
        10, ge=2, le=1000, description="Most connections to Postgres that one replica opens."
    )
    namespace: str = Field(
        "darkroom", description="The Kubernetes namespace in which tasks are created."
    )
    storage: StorageSettings = Field(description="Where bytes live.")
    jwt_key: SecretStr = Field(
        min_length=32, description="Key that signs access tokens; 32 random bytes or more."
    )
    access_token_seconds: int = Field(
        900, ge=60, le=86_400, description="How long an access token is good for."
    )
    refresh_token_seconds: int = Field(
        2_592_000,
        ge=3600,
        le=31_536_000,
        description="How long a session goes on without its refresh token being used.",
    )
    signing_key_days: int = Field(
        30, ge=1, le=365, description="How long a key signs access tokens before the next one does."
    )
    email_verification: bool = Field(
        default=False,
        description="Whether users have to prove their address, by a mail, before they sign in.",
    )
    registration_open: bool = Field(
        default=True, description="Whether anybody may register. An admin is made by the settings."
    )
    admin_email: Email | None = Field(
        None, description="The admin's e-mail address; the account is made when the API starts."
    )
    admin_password: SecretStr | None = Field(
        None, description="The admin's password; a change is taken over when the API starts."
    )
    max_upload_bytes: int = Field(
        100_000_000, ge=1, description="Longest file that is accepted, in bytes."
    )
    max_output_bytes: int = Field(
        1_000_000_000,
        ge=1,
        description="Longest output that a processor may write to local storage, in bytes.",
    )
    spool_bytes: int = Field(
        1_610_612_736,
        ge=1,
        description="Most bytes of files that one replica takes in at the same time.",
    )
    allowed_source_networks: list[IPv4Network | IPv6Network] = Field(
        [],
        description="Networks (a JSON list of CIDRs) that a source URL may name although they are "
        "not public; the operator's setting of this name says which of them are reached.",
    )
    submit_concurrency: int = Field(
        16, ge=1, le=256, description="How many resources one replica creates at the same time."
    )
    admission_window: int = Field(
        500,
        ge=1,
        le=100_000,
        description="Most unfinished tasks in the cluster at a time, four fifths of them of one "
        "owner; the others wait in Postgres.",
    )
    host: str = Field("0.0.0.0", description="The address to listen on.")  # noqa: S104  # a pod's
    port: int = Field(8000, ge=1, le=65_535, description="The port to listen on.")
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="Addresses or networks, separated by commas, whose X-Forwarded-Proto and "
        "X-Forwarded-For are believed; * for all.",
    )
    cors_origins: str = Field(
        "",
        description="Sites whose pages may call the API, separated by commas, such as "
        "https://app.example.com; * for all, nothing for none.",
    )
    shutdown_seconds: int = Field(
        20, ge=1, description="How long requests may go on after SIGTERM."
    )
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s/?#]+[^\s?#]*$",
        description="Where the API is reached from outside, for links in webhooks and mail; "
        "without it they begin with DARKROOM_STORAGE__URL.",
    )
    retention: Retention = Field(
        Retention(), description="When what is left of finished tasks goes, to be shown."
    )
    webhooks: WebhookSettings = Field(WebhookSettings(), description="How webhooks are sent.")
    oidc: OidcSettings = Field(
        OidcSettings(), description="An OpenID provider, whose users are let in."
    )
    audit_days: int = Field(
        365, ge=1, le=36_500, description="How long the audit log is kept, in days."
    )
    limits: LimitSettings = Field(LimitSettings(), description="How many requests are taken.")
    quotas: QuotaSettings = Field(QuotaSettings(), description="What each user may have.")
    events: EventSettings = Field(EventSettings(), description="What is sent while it happens.")
    uploads: UploadSettings = Field(UploadSettings(), description="Which files are taken in.")
    mail: MailSettings = Field(MailSettings(), description="How mail is sent.")
    results: ResultSettings = Field(
        ResultSettings(), description="How what tasks made is handed out."
    )
    log: LogSettings = Field(LogSettings(), description="What is logged, and how.")

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for origin in _words(value):
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"{origin} is not the origin of a site, such as https://app.example.com"
                )
        return value

    @property
    def allowed_origins(self) -> list[str]:
        """The sites in `cors_origins`."""
        return _words(self.cors_origins)


_ORIGIN: Final = re.compile(
    r"https?://[A-Za-z0-9.-]+(:[0-9]+)?|https?://\[[0-9a-fA-F:]+\](:[0-9]+)?"
)


def _words(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def read_settings() -> Settings:
    """Return the settings of this process, or raise CommandError with what is wrong with them."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"{_variable(problem['loc'])}: {problem['msg'].lower()}" for problem in error.errors()
        )
        raise CommandError(f"the environment is not complete: {wrong}") from None


def _variable(location: tuple[Any, ...]) -> str:
    return "DARKROOM_" + "__".join(str(part) for part in location).upper()
