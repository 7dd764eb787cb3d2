"""The webhook of a single task: a URL that is given when the task is made."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from darkroom_api.database import Connection
from darkroom_api.webhooks.events import ENDINGS, Pattern
from darkroom_api.webhooks.urls import WebhookUrl

DEFAULT_TYPES: Final = tuple(str(ending) for ending in ENDINGS)


class TaskWebhook(BaseModel):
    """Who is told about this task. What is sent is signed by your default secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: WebhookUrl
    types: tuple[Pattern, ...] = Field(
        DEFAULT_TYPES,
        min_length=1,
        max_length=20,
        description="What to tell: types of events. Default: how it ended.",
    )


async def attach(
    connection: Connection, task_ids: Sequence[str], owner: UUID, webhook: TaskWebhook
) -> None:
    """Have this URL told about these new tasks, if the caller's transaction is committed."""
    await connection.execute(
        """
        INSERT INTO task_webhooks (task_id, owner, url, types)
        SELECT task_id, %s, %s, %s FROM unnest(%s::text[]) AS task_id
        """,
        [owner, webhook.url, list(webhook.types), list(task_ids)],
    )
