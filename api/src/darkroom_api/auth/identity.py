"""Who makes a request, and what they may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal
from uuid import UUID


class Role(StrEnum):
    """What a user is here."""

    USER = "user"
    """Sees and does what is their own."""
    OPERATOR = "operator"
    """Keeps the service running: sees everybody's tasks, and how things are."""
    ADMIN = "admin"
    """May do everything, users included."""


class Scope(StrEnum):
    """One thing that may be done. Every route names the one that it needs."""

    TASKS_READ = "tasks:read"
    TASKS_WRITE = "tasks:write"
    SCHEDULES_WRITE = "schedules:write"
    RECIPES_WRITE = "recipes:write"
    WEBHOOKS_WRITE = "webhooks:write"
    ACCOUNT = "account"
    ADMIN_READ = "admin:read"
    ADMIN_WRITE = "admin:write"


_OF_USERS: Final = frozenset(
    {
        Scope.TASKS_READ,
        Scope.TASKS_WRITE,
        Scope.SCHEDULES_WRITE,
        Scope.WEBHOOKS_WRITE,
        Scope.ACCOUNT,
    }
)
SCOPES_OF: Final[Mapping[Role, frozenset[Scope]]] = MappingProxyType(
    {
        Role.USER: _OF_USERS,
        Role.OPERATOR: _OF_USERS | {Scope.RECIPES_WRITE, Scope.ADMIN_READ},
        Role.ADMIN: frozenset(Scope),
    }
)
"""What each role may do at most."""


@dataclass(frozen=True)
class Identity:
    """Who makes a request."""

    user_id: UUID
    role: Role
    scopes: frozenset[Scope] = field(default=frozenset())
    via: Literal["session", "api_key", "oidc"] = "session"
    session_id: UUID | None = None
    key_id: UUID | None = None
    expires_at: datetime | None = None
    """When the access token ceases to be good; None where that is not known beforehand."""

    @property
    def is_admin(self) -> bool:
        """Whether everything may be done."""
        return self.role is Role.ADMIN

    @property
    def sees_all(self) -> bool:
        """Whether everybody's tasks may be seen, and not only one's own."""
        return self.role in {Role.OPERATOR, Role.ADMIN}
