"""Stopping what canceled tasks still do, many tasks at a time.

As with the mirror: at rest a task is stopped at once; what gathers meanwhile goes together, for
under load a request for each Job and each pod costs more than their deletion. What the API server
does not take is sent again. What is lost with this process the garbage collector does, through the
owner references.
"""

import asyncio
import logging
from collections import defaultdict
from typing import Final

from darkroom_operator.cluster import Cluster
from darkroom_operator.errors import ClusterError

_LOG: Final = logging.getLogger(__name__)
_AGAIN_SECONDS: Final = 1.0

AT_ONCE: Final = 8
"""Requests under way; the API server deletes the objects of each one after the other."""
MOST: Final = 50
"""Tasks in one request, whose UIDs are in its URL: 2 kB, which every proxy takes."""


class Stops:
    """The canceled tasks whose Jobs and pods are to be deleted."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._waiting: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._submitted: set[str] = set()

    def submit(self, namespace: str, uid: str) -> None:
        """Have the Jobs and pods of a task deleted as soon as possible."""
        if uid not in self._submitted:
            self._submitted.add(uid)
            self._waiting.put_nowait((namespace, uid))

    async def run(self) -> None:
        """Delete what is submitted, for ever."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            for namespace, uids in (await self._gathered()).items():
                await self._stop(namespace, uids)

    async def _gathered(self) -> dict[str, list[str]]:
        """Wait for a task; return the UIDs of all that wait by then, by their namespaces."""
        uids: defaultdict[str, list[str]] = defaultdict(list)
        namespace, uid = await self._waiting.get()
        uids[namespace].append(uid)
        for _ in range(min(self._waiting.qsize(), MOST - 1)):
            namespace, uid = self._waiting.get_nowait()
            uids[namespace].append(uid)
        return uids

    async def _stop(self, namespace: str, uids: list[str]) -> None:
        try:
            # The Jobs first: one that is still there would make a new pod.
            await self._cluster.delete_children("jobs", namespace, uids)
            await self._cluster.delete_children("pods", namespace, uids)
        except ClusterError as error:
            _LOG.warning("%d canceled tasks: %s; again in %s s", len(uids), error, _AGAIN_SECONDS)
            loop = asyncio.get_running_loop()
            loop.call_later(_AGAIN_SECONDS, self._put_back, namespace, uids)
        else:
            self._submitted.difference_update(uids)

    def _put_back(self, namespace: str, uids: list[str]) -> None:
        for uid in uids:
            self._waiting.put_nowait((namespace, uid))
