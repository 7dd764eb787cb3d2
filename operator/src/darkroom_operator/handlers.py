"""kopf's part: it watches the tasks and says which one has changed.

`on.event` alone: the other handlers write annotations and finalizers into the resource.
"""

from typing import Any

import kopf
from darkroom_core import names

from darkroom_operator.login import connection
from darkroom_operator.store import Tasks
from darkroom_operator.workqueue import WorkQueue


def registry_for(tasks: Tasks, queue: WorkQueue) -> kopf.OperatorRegistry:
    """Return what kopf calls: for each event of a task, and for logging in."""
    registry = kopf.OperatorRegistry()

    @kopf.on.event(names.GROUP, names.VERSION, names.TASK.plural, registry=registry)
    async def note(event: Any, **_: Any) -> None:  # noqa: ANN401  # kopf's own type is private
        uid = event["object"]["metadata"]["uid"]
        is_news = tasks.remember(event["object"])
        if event["type"] == "DELETED":
            tasks.lost([uid])
            is_news = True
        if is_news:
            queue.add(uid)

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:  # noqa: ANN401
        return connection()

    return registry


class NoDifferences(kopf.DiffBaseStorage):
    """Remembers no earlier version of a body, and so copies none.

    `on.event` needs no differences, but kopf prepares for them at each event all the same: with
    copies of the whole body, twice the cost of all the rest.
    """

    def build(self, *, body: kopf.Body, extra_fields: Any = None) -> kopf.BodyEssence:  # noqa: ANN401, ARG002, D102
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> None:  # noqa: ARG002, D102
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Do nothing."""


def kopf_settings() -> kopf.OperatorSettings:
    """Return kopf's settings: one namespace, no extra rights, nothing written."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.persistence.diffbase_storage = NoDifferences()
    settings.watching.chunk_size = 500
    # A handler is done at once; the pause that follows only keeps its worker's place.
    settings.queueing.idle_timeout = 0.1
    settings.queueing.worker_limit = 200
    settings.networking.error_backoffs = (0.5, 1, 2, 3, 5, 5, 5, 5, 5)
    return settings
