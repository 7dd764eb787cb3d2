"""What the endpoints of API keys take and give."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from darkroom_api.api_keys.queries import KeyRow
from darkroom_api.auth.identity import Scope

Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="What it is for.",
        examples=["nightly imports"],
    ),
]


class WantedKey(BaseModel):
    """A new API key."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    scopes: list[Scope] = Field(
        min_length=1,
        max_length=len(Scope),
        description="What it may do; nothing that you may not do.",
        examples=[["tasks:read", "tasks:write"]],
    )
    expires_at: AwareDatetime | None = Field(
        None,
        description="Until when it may be used; without it, until it is revoked.",
        examples=["2030-01-01T00:00:00Z"],
    )


class ApiKeyView(BaseModel):
    """An API key, without its secret."""

    id: UUID
    name: str
    scopes: list[str] = Field(description="It has those of them that your role has, too.")
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")
    revoked_at: datetime | None


class NewApiKey(ApiKeyView):
    """An API key that was just made."""

    key: str = Field(
        description="The key itself, which is never shown again. Send it as a bearer token.",
        examples=["dk_0f6d5e4c3b2a19080706050403020100_" + "x" * 43],
    )


class ApiKeys(BaseModel):
    """API keys, newest first, with those that were revoked at the end."""

    data: list[ApiKeyView]


def view_of(row: KeyRow) -> ApiKeyView:
    """Return the key as it is shown."""
    return ApiKeyView(
        id=row.id,
        name=row.name,
        scopes=row.scopes,
        created_at=row.created_at.astimezone(UTC),
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
