"""Plays what Kubernetes does between a Job and the end of its pod, but at any speed.

The API server and etcd are real; Job controller, scheduler, kubelet and processor are this: a pod
is made from the Job's own template, is said to run on a node that is not there, and ends with a
report. So the operator sees just the objects and the changes that it sees on a real cluster, while
Kubernetes' own limits (20 requests a second) are not what is measured.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

from cluster_api import JOBS, PODS, Api
from sightings import Sightings, task_uid
from tasks import report

_AT_ONCE: Final = 32
_JOB_LAG_SECONDS: Final = 1.0
_NODE: Final = "nowhere"


class StandIns:
    """Make the pod of each Job, and end it after so many seconds; never with None."""

    def __init__(self, api: Api, seen: Sightings, works_for: float | None) -> None:
        self._api = api
        self._seen = seen
        self._works_for = works_for
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> None:
        """Play until this is canceled."""
        async with asyncio.TaskGroup() as group:
            async for type_, job in self._api.watch(JOBS):
                if type_ == "ADDED":
                    group.create_task(self._play(job))

    async def _play(self, job: dict[str, Any]) -> None:
        uid, name = task_uid(job), job["metadata"]["name"]
        started = _now()
        async with self._room:
            pod = await self._api.create(PODS, _pod(job))
            await self._job_status(name, {"startTime": started, "active": 1, "ready": 1})
            await self._pod_status(pod, "Running", {"running": {"startedAt": started}})
        if self._works_for is None:
            return
        await asyncio.sleep(self._works_for)
        async with self._room:
            self._seen.note("end", uid)
            await self._pod_status(pod, "Succeeded", {"terminated": _ended(started)})
        # The Job controller gathers the ends of pods for a second.
        await asyncio.sleep(_JOB_LAG_SECONDS)
        async with self._room:
            await self._job_status(name, _complete())

    async def _job_status(self, name: str, status: dict[str, Any]) -> None:
        await self._api.patch(JOBS, name, {"status": status}, "status")

    async def _pod_status(self, pod: dict[str, Any], phase: str, state: dict[str, Any]) -> None:
        (container,) = pod["spec"]["containers"]
        status = {
            "name": container["name"],
            "image": container["image"],
            "imageID": container["image"],
            "ready": phase == "Running",
            "restartCount": 0,
            "state": state,
        }
        await self._api.patch(
            PODS,
            pod["metadata"]["name"],
            {"status": {"phase": phase, "startTime": _now(), "containerStatuses": [status]}},
            "status",
        )


def _pod(job: dict[str, Any]) -> dict[str, Any]:
    """Return the pod that the Job controller would make, on a node already."""
    template, metadata = job["spec"]["template"], job["metadata"]
    owner = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "metadata": {
            "generateName": f"{metadata['name']}-",
            "labels": template["metadata"]["labels"],
            "ownerReferences": [owner],
        },
        "spec": {**template["spec"], "nodeName": _NODE},
    }


def _ended(started: str) -> dict[str, Any]:
    return {
        "exitCode": 0,
        "reason": "Completed",
        "message": report(),
        "startedAt": started,
        "finishedAt": _now(),
    }


def _complete() -> dict[str, Any]:
    now = _now()
    return {
        "active": 0,
        "ready": 0,
        "succeeded": 1,
        "completionTime": now,
        "uncountedTerminatedPods": {},
        "conditions": [
            {
                "type": type_,
                "status": "True",
                "reason": "CompletionsReached",
                "message": "Reached expected number of succeeded pods",
                "lastProbeTime": now,
                "lastTransitionTime": now,
            }
            for type_ in ("SuccessCriteriaMet", "Complete")
        ],
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
