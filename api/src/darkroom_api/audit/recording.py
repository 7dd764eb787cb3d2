"""Writes the audit log, in the transaction of what it tells of."""

from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb
from starlette.requests import HTTPConnection

from darkroom_api.audit.event import Event
from darkroom_api.database import Connection
from darkroom_api.request_id import request_id_of

_LONGEST: Final = 256


async def record(
    connection: Connection,
    event: Event,
    *,
    actor: UUID | None,
    subject: str | None,
    request: HTTPConnection | None,
    **details: Any,  # noqa: ANN401  # JSON
) -> None:
    """Add an event. Never put a secret into the details."""
    await connection.execute(
        """
        INSERT INTO audit_events (type, actor, subject, address, user_agent, request_id, details)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        [
            event.value,
            actor,
            _text(subject),
            request.client.host if request and request.client else None,
            _text(request.headers.get("user-agent")) if request else None,
            request_id_of(request.scope) if request else None,
            Jsonb(details),
        ],
    )


def _text(text: str | None) -> str | None:
    """Postgres takes no NUL, and nobody needs a novel."""
    return text.replace("\0", "")[:_LONGEST] if text else None
