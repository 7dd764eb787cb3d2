"""When what was first seen of each task: by watches, and by Postgres' own notifications.

All times are of this process' clock at the arrival of the news, so a delay that is measured
contains the news' own way here, and is never shorter than the truth.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

import psycopg
from cluster_api import JOBS, PODS, TASKS, Api
from darkroom_core import names
from darkroom_core.conditions import State

_NOTIFICATIONS: Final = "LISTEN darkroom_tasks"
_FINISHED: Final = (
    "SELECT uid FROM tasks WHERE id = %s AND finished_at IS NOT NULL AND uid IS NOT NULL"
)
_LOOK_SECONDS: Final = 0.2


class Sightings:
    """First times, by what was seen and the task's UID."""

    def __init__(self) -> None:
        self._seen: defaultdict[str, dict[str, float]] = defaultdict(dict)

    def note(self, what: str, uid: str) -> None:
        """Say that this is seen now; only the first time counts."""
        self._seen[what].setdefault(uid, time.monotonic())

    def clear(self) -> None:
        """Forget all."""
        self._seen.clear()

    def of(self, what: str) -> dict[str, float]:
        """Return the times of one sight, in the order in which they were seen."""
        return self._seen[what]

    def gaps(self, first: str, second: str, uids: Iterable[str] | None = None) -> list[float]:
        """Return the seconds between two sights of these tasks, or of all that had both."""
        begins, ends = self._seen[first], self._seen[second]
        both = begins.keys() & ends.keys() if uids is None else uids
        return [ends[uid] - begins[uid] for uid in both]

    async def until(self, what: str, uids: Iterable[str], seconds: float) -> None:
        """Wait until this was seen of all these tasks, and show how far it is."""
        wanted = set(uids)
        end = time.monotonic() + seconds
        while missing := wanted - self._seen[what].keys():
            done = len(wanted) - len(missing)
            print(f"\r  {what}: {done}/{len(wanted)}", end="    ", flush=True)
            if time.monotonic() > end:
                msg = f"only {done} of {len(wanted)} tasks were seen {what} in {seconds:.0f} s"
                raise TimeoutError(msg)
            await asyncio.sleep(_LOOK_SECONDS)
        print(f"\r  {what}: {len(wanted)}/{len(wanted)}", end="    \n", flush=True)


async def follow_tasks(api: Api, seen: Sightings) -> None:
    """Note each state of each task, `final` for any that is the last, and `gone`."""
    async for type_, found in api.watch(TASKS):
        uid = found["metadata"]["uid"]
        state = found.get("status", {}).get("state")
        if state is not None:
            seen.note(state, uid)
            if State(state).is_final:
                seen.note("final", uid)
        if type_ == "DELETED":
            seen.note("gone", uid)


async def follow_jobs(api: Api, seen: Sightings) -> None:
    """Note `job`, the creation of a task's first Job, and `complete`."""
    async for _, found in api.watch(JOBS):
        uid = task_uid(found)
        seen.note("job", uid)
        conditions = found.get("status", {}).get("conditions", ())
        if any(c["type"] == "Complete" and c["status"] == "True" for c in conditions):
            seen.note("complete", uid)


async def follow_pods(api: Api, seen: Sightings) -> None:
    """Note when a task's first pod is there, is at work, has ended, is told to stop, is gone."""
    async for type_, found in api.watch(PODS):
        uid = task_uid(found)
        seen.note("pod", uid)
        for container in found.get("status", {}).get("containerStatuses", ()):
            state = container.get("state", {})
            if "running" in state:
                seen.note("pod running", uid)
            if "terminated" in state:
                seen.note("pod ended", uid)
        if "deletionTimestamp" in found["metadata"]:
            seen.note("pod told to stop", uid)
        if type_ == "DELETED":
            seen.note("pod gone", uid)


async def follow_rows(database_url: str, seen: Sightings) -> None:
    """Note `recorded` when the end of a task is committed in Postgres."""
    async with (
        await psycopg.AsyncConnection.connect(database_url, autocommit=True) as listening,
        await psycopg.AsyncConnection.connect(database_url, autocommit=True) as asking,
    ):
        await listening.execute(_NOTIFICATIONS)
        async for notification in listening.notifies():
            at = time.monotonic()
            cursor = await asking.execute(_FINISHED, (notification.payload,))
            if row := await cursor.fetchone():
                seen.of("recorded").setdefault(row[0], at)


def task_uid(child: dict[str, Any]) -> str:
    """Return whose Job or pod this is: a task's UID; a raw Job is known by its own name."""
    labels: dict[str, str] = child["metadata"].get("labels", {})
    return labels.get(names.TASK_UID_LABEL) or labels.get(
        "batch.kubernetes.io/job-name", child["metadata"]["name"]
    )
