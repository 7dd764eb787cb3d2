"""What the auth endpoints take and give."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from darkroom_api.auth.identity import Role
from darkroom_api.auth.password_rules import weakness
from darkroom_api.errors import InvalidError
from darkroom_api.problem import InvalidField

SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 256


def normalised_email(text: str) -> str:
    """Return the address in the one form in which it is stored, or raise ValueError.

    Whether mail can be delivered there is not asked: that needs the network, and a company's own
    domain may not be known outside.
    """
    try:
        found = validate_email(text, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise ValueError(f"this is not an e-mail address: {error}") from None
    return found.normalized.lower()


Email = Annotated[str, Field(max_length=254), AfterValidator(normalised_email)]


Password = Annotated[
    str,
    Field(
        min_length=SHORTEST_PASSWORD,
        max_length=LONGEST_PASSWORD,
        description="12 to 256 characters of any kind, but not what everybody would try first.",
        examples=["correct horse battery staple"],
    ),
]


class Registration(BaseModel):
    """A new user."""

    model_config = ConfigDict(extra="forbid")

    email: Email = Field(description="Their address.", examples=["ada@example.com"])
    password: Password


class Credentials(BaseModel):
    """Who wants an access token."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(max_length=254, examples=["ada@example.com"])
    password: str = Field(max_length=LONGEST_PASSWORD, examples=["correct horse battery staple"])


class AccessToken(BaseModel):
    """An access token, as OAuth 2 has it."""

    access_token: str = Field(description="Send it as `Authorization: Bearer ...`.")
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # not a secret
    expires_in: int = Field(description="Seconds until it expires.", examples=[900])
    refresh_token: str = Field(
        description="Exchange it at `/v1/auth/refresh` for new tokens. Each is good once."
    )
    refresh_expires_in: int = Field(
        description="Seconds until it expires, if it is not used.", examples=[2_592_000]
    )


class User(BaseModel):
    """A user, without secrets."""

    id: UUID
    object: Literal["user"] = "user"
    email: str
    role: Role = Field(
        description="user: sees their own tasks; operator: everybody's; admin: may do everything."
    )
    email_verified: bool = Field(description="Whether they proved that the address is theirs.")
    created_at: datetime


class Refresh(BaseModel):
    """Who wants new tokens for an old one."""

    model_config = ConfigDict(extra="forbid")

    refresh_token: str = Field(max_length=256, examples=["dr_AZq5M6C1fWeC3k0x7Q9mLwAAAAA"])


class PasswordChange(BaseModel):
    """A new password, and the one that it replaces."""

    model_config = ConfigDict(extra="forbid")

    current_password: str = Field(max_length=LONGEST_PASSWORD, examples=["the one until now"])
    new_password: Password


class Forgotten(BaseModel):
    """Whose password is to be set anew."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(max_length=254, examples=["ada@example.com"])


class PasswordReset(BaseModel):
    """A new password, by the token that was mailed."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(max_length=256, examples=["c0ffee"])
    new_password: Password


class Verification(BaseModel):
    """The token that was mailed to prove an address."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(max_length=256, examples=["c0ffee"])


class Session(BaseModel):
    """A sign-in that goes on."""

    id: UUID
    object: Literal["session"] = "session"
    current: bool = Field(description="Whether it is the one of this request.")
    created_at: datetime
    last_used_at: datetime = Field(description="When its tokens were last renewed.")
    expires_at: datetime = Field(description="When it ends, if they are not renewed.")
    address: str | None = Field(description="From where it began.", examples=["192.0.2.7"])
    user_agent: str | None


class Sessions(BaseModel):
    """One's sessions, the newest first."""

    object: Literal["list"] = "list"
    data: list[Session]


class KeySet(BaseModel):
    """Public keys, as RFC 7517 has them."""

    keys: list[dict[str, str]]


class PendingUser(BaseModel):
    """A registration that waits for its address to be proven."""

    object: Literal["pending_user"] = "pending_user"
    email: str


class Accepted(BaseModel):
    """What was asked for is done later, or not."""

    detail: str


def checked_password(password: str, email: str, *, pointer: str) -> None:
    """Raise InvalidError for a password that is tried first."""
    if reason := weakness(password, email):
        raise InvalidError(reason, errors=[InvalidField(pointer=pointer, detail=reason)])
