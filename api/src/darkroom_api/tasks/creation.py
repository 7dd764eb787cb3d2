"""The one way in which tasks are made: all of a request's, or none, in one transaction."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from darkroom_core import names
from darkroom_core.trace_context import CURRENT
from fastapi import Response

from darkroom_api import errors
from darkroom_api.auth.identity import Identity
from darkroom_api.database import Connection
from darkroom_api.idempotency import Once
from darkroom_api.limits import quotas
from darkroom_api.problem import InvalidField
from darkroom_api.resources import Resources
from darkroom_api.tasks import queries
from darkroom_api.tasks.access import scope_of
from darkroom_api.tasks.cluster import ClusterUnavailableError
from darkroom_api.tasks.keys import refuse_foreign_keys
from darkroom_api.tasks.source_addresses import refuse_private_addresses
from darkroom_api.tasks.wanted import Wanted
from darkroom_api.webhooks import task_webhook, urls

Also = Callable[[Connection, list[queries.TaskRow]], Awaitable[None]]
"""What else is written in the transaction."""


async def create_tasks(  # noqa: PLR0913  # what is done with them at once
    resources: Resources,
    identity: Identity,
    wanted: Sequence[Wanted],
    *,
    also: Also | None = None,
    once: Once | None = None,
    answer: Callable[[list[queries.TaskRow]], Response] | None = None,
) -> list[queries.TaskRow]:
    """Make the tasks, in their order; `answer` is what `once` keeps.

    Each runs by itself as soon as it is its turn.
    """
    await refuse_unusable_recipes(resources, wanted)
    for task in wanted:
        if task.webhook:
            urls.check(task.webhook.url, resources.settings.webhooks)
    async with resources.pool.connection() as connection, connection.transaction():
        rows = await insert_tasks(connection, resources, identity, wanted)
        if also:
            await also(connection, rows)
        if once and answer:
            await once.settle(connection, answer(rows))
    announce(resources, rows)
    return rows


async def insert_tasks(
    connection: Connection, resources: Resources, identity: Identity, wanted: Sequence[Wanted]
) -> list[queries.TaskRow]:
    """Add the rows in the caller's transaction, after which the caller calls `announce`."""
    specs = [task.spec.document() for task in wanted]
    allowed = resources.settings.allowed_source_networks
    for number, (task, spec) in enumerate(zip(wanted, specs, strict=True)):
        pointer = f"#/tasks/{number}" if len(wanted) > 1 else "#"
        refuse_private_addresses(spec, allowed, pointer=pointer)
        await refuse_foreign_keys(
            connection, spec, owner=scope_of(identity), own=task.own, pointer=pointer
        )
    traced = CURRENT.get()
    rows = await queries.insert_tasks(
        connection,
        [
            queries.NewTask(
                id=task.id,
                owner=identity.user_id,
                namespace=resources.settings.namespace,
                spec=spec,
                source_filename=task.source_filename,
                source_bytes=task.source_bytes,
                metadata=dict(task.metadata),
                cancel_after=task.cancel_after,
                batch=task.batch,
                traceparent=traced.traceparent if traced else None,
            )
            for task, spec in zip(wanted, specs, strict=True)
        ],
    )
    for task in wanted:
        if task.webhook:
            await task_webhook.attach(connection, [task.id], identity.user_id, task.webhook)
    await quotas.admit(
        connection,
        identity,
        defaults=resources.settings.quotas,
        tasks=len(wanted),
        bytes_=sum(task.new_bytes for task in wanted),
    )
    return rows


def announce(resources: Resources, rows: Sequence[queries.TaskRow]) -> None:
    """Let the submitter look at new rows, once they are committed."""
    resources.submitter.wake()
    for row in rows:
        source = "upload" if row.source_bytes else "replay" if row.origin else "url"
        resources.metrics.tasks.created.labels(source).inc()


async def refuse_unusable_recipes(resources: Resources, wanted: Sequence[Wanted]) -> None:
    """Refuse names that are mistakes; while nobody can say, the tasks wait for their recipes."""
    named: dict[str, Any] = {}
    for number, task in enumerate(wanted):
        if task.spec.recipe:
            named.setdefault(task.spec.recipe, f"#/tasks/{number}" if len(wanted) > 1 else "#")
    for name, pointer in named.items():
        try:
            recipe = await resources.cluster.one(names.RECIPE, resources.settings.namespace, name)
        except ClusterUnavailableError:
            return
        if recipe is None:
            sentence = f"there is no recipe {name}: GET /v1/recipes lists them"
            raise errors.InvalidError(
                sentence, errors=[InvalidField(pointer=f"{pointer}/recipe", detail=sentence)]
            )
