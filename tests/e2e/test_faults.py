"""What breaks, heals: nothing is lost, nothing runs twice, nobody has to help.

These tests take parts of Darkroom away from everybody, so nothing may run beside them.
"""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from darkroom_cluster.client import Client, poll
from darkroom_cluster.cluster import Cluster
from darkroom_cluster.release import Release


def slow(source_url: str, seconds: int) -> dict[str, str]:
    return {"url": f"{source_url}/slow/{seconds}/earth.jpg"}


def submit(user: Client, source: dict[str, str], output: dict[str, Any]) -> Any:
    return user.call("POST", "/v1/tasks", {"source": source, "outputs": [output]})


def test_a_pending_task_that_is_canceled_never_runs(
    release: Release, user: Client, photograph: bytes, thumb: Any, until_gone: Callable[..., None]
) -> None:
    node = release.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
    release.kubectl("cordon", node)
    try:
        task = user.submit(photograph, {"outputs": [thumb]})
        poll(
            lambda: release.kubectl("get", "pods", "-l", f"darkroom.dev/task={task['id']}"),
            lambda pods: "Pending" in pods,
            seconds=30,
            what="a pending pod",
        )
        assert user.request("POST", task["urls"]["cancel"]).status == 202
        until_gone(task["id"], seconds=5)
        assert user.wait(task["id"], seconds=10)["status"] == "canceled"
    finally:
        release.kubectl("uncordon", node)


def test_the_operator_killed_while_a_task_runs_records_it_after_its_restart(
    release: Release,
    user: Client,
    source_url: str,
    thumb: Any,
    until_running: Callable[[str], None],
) -> None:
    task = submit(user, slow(source_url, 6), thumb)
    until_running(task["id"])
    before = restarts(release)
    kill_operator(release)
    done = user.wait(task["id"], seconds=90)
    assert done["status"] == "succeeded"
    assert done["attempts"] == 1
    assert restarts(release) > before
    assert len(jobs_of(release, task["id"])) == 1


def test_a_task_made_while_the_operator_is_away_is_done_when_it_is_back(
    release: Release, user: Client, photograph: bytes, thumb: Any
) -> None:
    with scaled_to_zero(release, "deployment/darkroom-operator"):
        task = user.submit(photograph, {"outputs": [thumb]})
        gone = user.submit(photograph, {"outputs": [thumb]})
        poll(
            lambda: release.kubectl("get", "ptask", "-o", "name"),
            lambda names: task["id"] in names and gone["id"] in names,
            seconds=15,
            what="the resources",
        )
        release.kubectl("delete", "processingtask", gone["id"])
    assert user.wait(task["id"], seconds=60)["status"] == "succeeded"
    assert user.wait(gone["id"], seconds=60)["status"] == "canceled"


def test_a_task_that_finishes_while_postgres_is_stopped_is_recorded_when_it_is_back(
    release: Release,
    user: Client,
    source_url: str,
    thumb: Any,
    until_running: Callable[[str], None],
) -> None:
    task = submit(user, slow(source_url, 8), thumb)
    until_running(task["id"])
    with scaled_to_zero(release, "statefulset/darkroom-postgres"):
        wait = ("wait", "--for=condition=Succeeded", f"ptask/{task['id']}", "--timeout=60s")
        release.kubectl(*wait)
        answer = user.request("GET", f"/v1/tasks/{task['id']}")
        assert answer.status == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Retry-After"]
    done = poll(
        lambda: user.request("GET", f"/v1/tasks/{task['id']}"),
        lambda answer: answer.status == 200 and answer.json()["status"] == "succeeded",
        seconds=60,
        what="the record",
    ).json()
    assert done["outputs"][0]["bytes"] == len(user.output(task["id"], "thumb").body)


def test_a_task_whose_resource_cannot_be_created_stays_queued_and_is_created_later(
    release: Release, user: Client, photograph: bytes, thumb: Any
) -> None:
    binding = json.loads(release.kubectl("get", "rolebinding", "darkroom-api", "-o", "json"))
    patch = [{"op": "replace", "path": "/subjects", "value": []}]
    set_subjects = ("patch", "rolebinding", "darkroom-api", "--type=json", "-p")
    release.kubectl(*set_subjects, json.dumps(patch))
    try:
        task = user.submit(photograph, {"outputs": [thumb]})
        assert "NotFound" not in release.kubectl("get", "ptask", "--ignore-not-found", task["id"])
        assert user.task(task["id"])["status"] == "queued"
    finally:
        patch[0]["value"] = binding["subjects"]
        release.kubectl(*set_subjects, json.dumps(patch))
    assert user.wait(task["id"], seconds=60)["status"] == "succeeded"


def test_the_secret_is_made_once_and_an_upgrade_leaves_it_alone(
    release: Release, user: Client
) -> None:
    # A pod of the same bootstrap Job, run again, must change nothing.
    secret = ("get", "secret", "darkroom-secrets", "-o", "jsonpath={.data}")
    before = release.kubectl(*secret)
    job = release.kubectl(
        *("get", "jobs", "-l", "app.kubernetes.io/component=bootstrap"),
        *("-o", "jsonpath={.items[0].metadata.name}"),
    )
    manifest = json.loads(release.kubectl("get", "job", job, "-o", "json"))
    pod = manifest["spec"]["template"]["spec"]
    pod["restartPolicy"] = "Never"
    overrides = json.dumps({"spec": pod})
    image = pod["containers"][0]["image"]
    release.kubectl("run", "bootstrap-again", f"--image={image}", f"--overrides={overrides}")
    until = ("--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
    release.kubectl("wait", "pod/bootstrap-again", *until)
    release.kubectl("delete", "pod", "bootstrap-again", "--now")
    assert release.kubectl(*secret) == before
    assert user.call("GET", "/v1/me")


@contextmanager
def scaled_to_zero(release: Release, what: str) -> Iterator[None]:
    component = what.rpartition("-")[2]
    label = f"app.kubernetes.io/component={component}"
    release.kubectl("scale", what, "--replicas=0")
    release.kubectl("wait", "--for=delete", "pod", "-l", label, "--timeout=60s")
    try:
        yield
    finally:
        release.kubectl("scale", what, "--replicas=1")
        release.kubectl("rollout", "status", what, "--timeout=90s")


def jobs_of(release: Release, task: str) -> list[Any]:
    text = release.kubectl("get", "jobs", "-l", f"darkroom.dev/task={task}", "-o", "json")
    items: list[Any] = json.loads(text)["items"]
    return items


def operator_pod(release: Release) -> Any:
    label = "app.kubernetes.io/component=operator"
    return json.loads(release.kubectl("get", "pods", "-l", label, "-o", "json"))["items"][0]


def restarts(release: Release) -> int:
    count: int = operator_pod(release)["status"]["containerStatuses"][0]["restartCount"]
    return count


def kill_operator(release: Release) -> None:
    """SIGKILL the operator's process itself, found by its container's cgroup."""
    status = operator_pod(release)["status"]["containerStatuses"][0]
    container = status["containerID"].rpartition("/")[2]
    killed = [pid for pid in process_ids() if container in cgroups_of(pid)]
    assert killed
    for pid in killed:
        os.kill(pid, signal.SIGKILL)


def process_ids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def cgroups_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:  # it ended meanwhile
        return ""


@pytest.fixture(autouse=True)
def _on_this_machine(cluster: Cluster) -> None:
    assert cluster.kind != "current", "faults are only made on a cluster of our own"
