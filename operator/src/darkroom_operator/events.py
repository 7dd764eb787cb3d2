"""Kubernetes Events: few, for people, and expendable.

One is posted when a task's status comes to tell of something that went wrong, so a sentence that
stays is told once. A task that simply works makes none.
"""

import logging
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from darkroom_core import names
from darkroom_core.conditions import Reason
from darkroom_core.task import TaskStatus

from darkroom_operator.cluster import Cluster
from darkroom_operator.errors import ClusterError
from darkroom_operator.task import Task

_LOG: Final = logging.getLogger(__name__)
_BURST: Final = 25.0
_PER_SECOND: Final = 1.0
_LONGEST_NOTE: Final = 1024
_GOOD: Final = {Reason.PENDING, Reason.WAITING, Reason.RUNNING, Reason.PROCESSED, Reason.SUSPENDED}


def event_for(task: Task, status: TaskStatus, now: datetime) -> dict[str, Any] | None:
    """Return the Event that a new status calls for; None where nothing went wrong."""
    told, before = _story(status), _story(task.status)
    if told is None or told == before or told[0] in _GOOD:
        return None
    reason, message = told
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {
            "name": f"{task.metadata.name[:236]}.{secrets.token_hex(8)}",
            "namespace": task.metadata.namespace,
        },
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
        "type": "Warning",
        "reason": "DeadLettered" if status.dead_lettered else reason.value,
        "note": message[:_LONGEST_NOTE],
        "action": "Process",
        "regarding": {
            "apiVersion": names.API_VERSION,
            "kind": names.TASK.kind,
            "namespace": task.metadata.namespace,
            "name": task.metadata.name,
            "uid": task.uid,
        },
        "reportingController": f"{names.GROUP}/operator",
        "reportingInstance": names.OPERATOR,
    }


class Events:
    """Posts them, at a rate that leaves the API server to others; above that they are dropped."""

    def __init__(self, cluster: Cluster, clock: Callable[[], datetime]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._left = _BURST
        self._at: datetime | None = None

    async def tell(self, task: Task, status: TaskStatus) -> None:
        """Post what the status calls for; nobody depends on its arrival."""
        now = self._clock()
        event = event_for(task, status, now)
        if event is None or not self._may(now):
            return
        try:
            await self._cluster.tell(event)
        except ClusterError as error:
            _LOG.info("an Event about %s is lost: %s", task.metadata.name, error)

    def _may(self, now: datetime) -> bool:
        passed = (now - self._at).total_seconds() if self._at else 0.0
        self._at = now
        self._left = min(_BURST, self._left + passed * _PER_SECOND)
        if self._left < 1:
            return False
        self._left -= 1
        return True


def _story(status: TaskStatus) -> tuple[Reason, str] | None:
    return next(((c.reason, c.message) for c in status.conditions if c.type == "Succeeded"), None)
