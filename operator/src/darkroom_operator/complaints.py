"""What Kubernetes says of Jobs that make no pod, asked of all Jobs of a namespace at once.

The API server reads every Event of a namespace to answer, whatever the question selects. In a burst
hundreds of Jobs wait for Kubernetes' Job controller: asked for each, thousands of Events at a time,
it had no time left for anything else.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from darkroom_operator.cluster import Cluster

_FRESH_SECONDS: Final = 5.0
_MOST_OF_THE_TIME: Final = 0.02


@dataclass(frozen=True, slots=True)
class _Heard:
    until: float
    """When it is to be asked again at the earliest."""
    by_job: Mapping[str, str]


class Complaints:
    """The last complaint about each Job, by its UID."""

    def __init__(self, cluster: Cluster, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._clock = clock
        self._heard: dict[str, _Heard] = {}
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def about(self, namespace: str, uid: str) -> str:
        """Return what was said last about a Job; empty where nothing was."""
        heard = self._heard.get(namespace)
        return heard.by_job.get(uid, "") if heard else ""

    async def ask(self, namespace: str) -> None:
        """Ask, unless that was done a moment ago. Raises ClusterError.

        Whatever an answer takes, asking takes no more than a fiftieth of the time.
        """
        async with self._asking[namespace]:
            began = self._clock()
            heard = self._heard.get(namespace)
            if heard and began < heard.until:
                return
            by_job = await self._cluster.complaints(namespace)
            took = self._clock() - began
            pause = max(_FRESH_SECONDS, took / _MOST_OF_THE_TIME)
            self._heard[namespace] = _Heard(self._clock() + pause, by_job)
