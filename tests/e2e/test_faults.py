"""What breaks, heals: nothing is lost, nothing runs twice, nobody has to help.

These tests take parts of Darkroom away from everybody, so nothing may run beside them.
"""

import json
import os
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from darkroom_cluster.binary import helm_path
from darkroom_cluster.client import Client, poll
from darkroom_cluster.cluster import Cluster
from darkroom_cluster.release import RELEASE, Release

ROOT = Path(__file__).parents[2]
OPERATOR = "darkroom-operator"


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


def test_the_standby_takes_over_from_an_operator_that_stands_still(
    release: Release,
    user: Client,
    source_url: str,
    photograph: bytes,
    thumb: Any,
    until_running: Callable[[str], None],
) -> None:
    with two_operators(release):
        task = submit(user, slow(source_url, 4), thumb)
        until_running(task["id"])
        active = holder(release)
        # Stopped, not killed: a process that comes back and finds that it is not the active one.
        stopped = processes_of(operator_pod(release, active))
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            fresh = user.submit(photograph, {"outputs": [thumb]})
            assert user.wait(fresh["id"], seconds=20)["status"] == "succeeded"
            assert holder(release) != active
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        assert user.wait(task["id"], seconds=20)["status"] == "succeeded"
        for name in (task["id"], fresh["id"]):
            assert len(jobs_of(release, name)) == 1
        poll(
            lambda: restarts(release, active),
            lambda count: count >= 1,
            seconds=30,
            what="the end of the process that is not active any more",
        )


def test_an_active_operator_that_is_killed_is_replaced(
    release: Release, user: Client, photograph: bytes, thumb: Any
) -> None:
    with two_operators(release):
        kill_operator(release, holder(release))
        task = user.submit(photograph, {"outputs": [thumb]})
        assert user.wait(task["id"], seconds=20)["status"] == "succeeded"
        assert len(jobs_of(release, task["id"])) == 1


@pytest.mark.parametrize("counted", ["jobs.batch", "pods"])
def test_a_quota_holds_tasks_back_with_a_reason_until_there_is_room(
    release: Release, user: Client, photograph: bytes, thumb: Any, counted: str
) -> None:
    release.kubectl("create", "quota", "none", f"--hard=count/{counted}=0")
    try:
        task = user.submit(photograph, {"outputs": [thumb]})
        until_reason(release, task["id"], "QuotaExceeded")
    finally:
        release.kubectl("delete", "quota", "none")
    assert user.wait(task["id"], seconds=90)["status"] == "succeeded"


def test_a_drained_pod_is_no_failed_try(
    release: Release,
    user: Client,
    source_url: str,
    thumb: Any,
    until_running: Callable[[str], None],
) -> None:
    body = {"source": slow(source_url, 4), "outputs": [thumb], "retries": 0}
    task = user.call("POST", "/v1/tasks", body)
    until_running(task["id"])
    label = f"darkroom.dev/task={task['id']}"
    pod = release.kubectl("get", "pods", "-l", label, "-o", "jsonpath={.items[0].metadata.name}")
    evict(release, pod)
    done = user.wait(task["id"], seconds=60)
    assert done["status"] == "succeeded"
    assert [entry["disrupted"] for entry in done["tries"]] == [True, False]
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


def test_an_operator_of_all_namespaces_serves_others_too_and_lets_them_go(
    release: Release, source_url: str, thumb: Any, admin: Client
) -> None:
    elsewhere = Release(release.cluster, f"elsewhere-{uuid.uuid4().hex[:8]}")
    release.kubectl("create", "namespace", elsewhere.namespace)
    upgrade(release, "operator.allNamespaces=true")
    try:
        for name, source in (
            ("quick", f"{source_url}/earth.jpg"),
            ("slow", slow(source_url, 60)["url"]),
        ):
            apply(elsewhere, task_manifest(elsewhere, name, source, thumb))
        wait = ("wait", "--for=condition=Succeeded", "ptask/quick", "--timeout=60s")
        elsewhere.kubectl(*wait)
        row = next(
            row
            for row in admin.call("GET", "/v1/tasks?limit=100")["data"]
            if row["kubernetes"]["namespace"] == elsewhere.namespace
            and row["kubernetes"]["name"] == "slow"
        )
        release.kubectl("delete", "namespace", elsewhere.namespace, "--timeout=60s")
        assert admin.wait(row["id"], seconds=30)["status"] == "canceled"
    finally:
        upgrade(release, "operator.allNamespaces=false")
        release.kubectl("delete", "namespace", elsewhere.namespace, "--ignore-not-found")


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


def upgrade(release: Release, value: str) -> None:
    command = [str(helm_path()), "upgrade", RELEASE, str(ROOT / "charts/darkroom"), "--wait"]
    subprocess.run(
        [*command, "--namespace", release.namespace, "--reuse-values", "--set", value],
        env={**os.environ, "KUBECONFIG": str(release.cluster.kubeconfig)},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def task_manifest(release: Release, name: str, url: str, output: Any) -> dict[str, Any]:
    return {
        "apiVersion": "darkroom.dev/v1alpha1",
        "kind": "ProcessingTask",
        "metadata": {"name": name, "namespace": release.namespace},
        "spec": {"source": {"url": url}, "outputs": [output]},
    }


def apply(release: Release, manifest: dict[str, Any]) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(manifest, file)
        file.flush()
        release.kubectl("apply", "-f", file.name)


@contextmanager
def two_operators(release: Release) -> Iterator[None]:
    what = "deployment/darkroom-operator"
    release.kubectl("scale", what, "--replicas=2")
    release.kubectl("rollout", "status", what, "--timeout=60s")
    try:
        yield
    finally:
        release.kubectl("scale", what, "--replicas=1")
        release.kubectl("rollout", "status", what, "--timeout=60s")


def holder(release: Release) -> str:
    """Return the name of the pod that is the active operator."""
    return release.kubectl("get", "lease", OPERATOR, "-o", "jsonpath={.spec.holderIdentity}")


def until_reason(release: Release, task: str, reason: str) -> None:
    path = '{.status.conditions[?(@.type=="Succeeded")].reason}'
    poll(
        lambda: release.kubectl("get", "ptask", task, "-o", f"jsonpath={path}", check=False),
        lambda found: found == reason,
        seconds=40,
        what=f"{reason} of {task}",
    )


def evict(release: Release, pod: str) -> None:
    """Do to one pod what `kubectl drain` does to all of a node."""
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": release.namespace},
    }
    path = f"/api/v1/namespaces/{release.namespace}/pods/{pod}/eviction"
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(eviction, file)
        file.flush()
        release.kubectl("create", "--raw", path, "-f", file.name)


def operator_pod(release: Release, name: str = "") -> Any:
    label = "app.kubernetes.io/component=operator"
    pods = json.loads(release.kubectl("get", "pods", "-l", label, "-o", "json"))["items"]
    return next(pod for pod in pods if name in {"", pod["metadata"]["name"]})


def restarts(release: Release, name: str = "") -> int:
    count: int = operator_pod(release, name)["status"]["containerStatuses"][0]["restartCount"]
    return count


def kill_operator(release: Release, name: str = "") -> None:
    """SIGKILL the operator's process itself."""
    killed = processes_of(operator_pod(release, name))
    assert killed
    for pid in killed:
        os.kill(pid, signal.SIGKILL)


def processes_of(pod: Any) -> list[int]:
    """Return the processes of a pod's container, found by its cgroup."""
    container = pod["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2]
    return [pid for pid in process_ids() if container in cgroups_of(pid)]


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
