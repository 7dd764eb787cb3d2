"""What the auth endpoints take and give."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from darkroom_api.auth.identity import Role

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


class Registration(BaseModel):
    """A new user."""

    model_config = ConfigDict(extra="forbid")

    email: Email = Field(description="Their address.", examples=["ada@example.com"])
    password: str = Field(
        min_length=SHORTEST_PASSWORD,
        max_length=LONGEST_PASSWORD,
        description="12 to 256 characters of any kind.",
        examples=["correct horse battery staple"],
    )


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


class User(BaseModel):
    """A user, without secrets."""

    id: UUID
    object: Literal["user"] = "user"
    email: str
    role: Role = Field(description="admin: sees every task; user: their own.")
    created_at: datetime
