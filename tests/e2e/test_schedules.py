"""A schedule by kubectl: it makes tasks by the clock, and they go with it."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from darkroom_cluster.binary import kubectl_path
from darkroom_cluster.client import Client, poll
from darkroom_cluster.release import Release


@pytest.fixture
def schedule(release: Release, name: str, source_url: str, thumb: dict[str, Any]) -> Iterator[str]:
    """Return the name of a schedule that makes a task each minute."""
    task = {"source": {"url": f"{source_url}/earth.jpg"}, "outputs": [thumb]}
    manifest = {
        "apiVersion": "darkroom.dev/v1alpha1",
        "kind": "ProcessingSchedule",
        "metadata": {"name": name, "namespace": release.namespace},
        "spec": {"schedule": "* * * * *", "task": {"spec": task}},
    }
    done = subprocess.run(
        [str(kubectl_path()), "apply", "-f", "-"],
        env={**os.environ, "KUBECONFIG": str(release.cluster.kubeconfig)},
        input=json.dumps(manifest),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    yield name
    release.kubectl("delete", "psched", name, "--ignore-not-found")


def status_of(release: Release, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(release.kubectl("get", "psched", name, "-o", "json"))
    status: dict[str, Any] = found.get("status", {})
    return status


def tasks_of(release: Release, name: str) -> list[dict[str, Any]]:
    text = release.kubectl("get", "ptask", "-l", f"darkroom.dev/schedule={name}", "-o", "json")
    found: list[dict[str, Any]] = json.loads(text)["items"]
    return found


def test_each_minute_there_is_a_task_and_deleting_the_schedule_takes_it_along(
    release: Release, schedule: str, admin: Client
) -> None:
    release.kubectl("wait", "--for=condition=Ready", f"psched/{schedule}", "--timeout=10s")
    status = poll(
        lambda: status_of(release, schedule),
        lambda status: "lastTask" in status,
        seconds=70,
        what=f"the first time of {schedule}",
        every=0.5,
    )
    made = status["lastTask"]
    assert made.rpartition("-")[0] == schedule
    minutes = int(made.rpartition("-")[2])
    assert status["lastScheduleTime"] == time.strftime(
        "%Y-%m-%dT%H:%M:%SZ", time.gmtime(minutes * 60)
    )
    # So that no second one is made while the first is looked at.
    release.kubectl("patch", "psched", schedule, "--type=merge", "-p", '{"spec":{"suspend":true}}')
    release.kubectl("wait", "--for=condition=Succeeded", f"ptask/{made}", "--timeout=30s")
    (task,) = tasks_of(release, schedule)
    assert task["metadata"]["ownerReferences"][0]["name"] == schedule
    task_id = "task-" + task["metadata"]["uid"].replace("-", "")
    assert admin.wait(task_id)["kubernetes"]["name"] == made

    release.kubectl("delete", "psched", schedule)
    poll(
        lambda: len(tasks_of(release, schedule)),
        lambda count: count == 0,
        seconds=30,
        what=f"end of the tasks of {schedule}",
        every=0.5,
    )
    assert admin.wait(task_id)["status"] == "succeeded"


def test_what_is_wrong_with_a_schedule_is_said_and_can_be_corrected(
    release: Release, schedule: str
) -> None:
    patch = '{"spec":{"timeZone":"Europe/Nowhere"}}'
    release.kubectl("patch", "psched", schedule, "--type=merge", "-p", patch)
    release.kubectl("wait", "--for=condition=Stalled", f"psched/{schedule}", "--timeout=10s")
    (message,) = {condition["message"] for condition in status_of(release, schedule)["conditions"]}
    assert message.startswith('spec.timeZone "Europe/Nowhere" is not known')
    patch = '{"spec":{"timeZone":"Europe/Berlin","suspend":true}}'
    release.kubectl("patch", "psched", schedule, "--type=merge", "-p", patch)
    release.kubectl("wait", "--for=condition=Ready", f"psched/{schedule}", "--timeout=10s")
