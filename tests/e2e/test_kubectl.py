"""The whole way by kubectl: a task written by hand is a task like any other."""

import json
from collections.abc import Callable
from typing import Any

from darkroom_cluster.client import Client, poll
from darkroom_cluster.release import Release

Apply = Callable[..., Any]


def test_a_task_with_a_url_runs_and_is_in_postgres_and_rest(
    release: Release,
    apply: Apply,
    name: str,
    source_url: str,
    thumb: dict[str, Any],
    admin: Client,
    user: Client,
) -> None:
    done = apply(name, {"source": {"url": f"{source_url}/earth.jpg"}, "outputs": [thumb]})
    assert done.returncode == 0, done.stderr
    release.kubectl("wait", "--for=condition=Succeeded", f"ptask/{name}", "--timeout=60s")
    task = json.loads(release.kubectl("get", "ptask", name, "-o", "json"))
    task_id = "task-" + task["metadata"]["uid"].replace("-", "")
    row = admin.wait(task_id, until=lambda row: row["status"] == "succeeded")
    assert row["kubernetes"]["name"] == name
    assert row["outputs"][0]["sha256"] == task["status"]["outputs"][0]["sha256"]
    assert len(admin.output(task_id, "thumb").body) == row["outputs"][0]["bytes"]
    assert user.request("GET", f"/v1/tasks/{task_id}").status == 404


def test_a_task_with_a_storage_key_runs(
    release: Release, apply: Apply, name: str, user: Client, photograph: bytes, thumb: Any
) -> None:
    uploaded = user.wait(user.submit(photograph, {"outputs": [thumb]})["id"])
    text = release.kubectl("get", "ptask", uploaded["id"], "-o", "jsonpath={.spec.source.key}")
    apply(name, {"source": {"key": text}, "outputs": [{**thumb, "name": "again"}]})
    release.kubectl("wait", "--for=condition=Succeeded", f"ptask/{name}", "--timeout=60s")


def test_the_columns_tell_the_story(
    release: Release, apply: Apply, name: str, source_url: str, thumb: dict[str, Any]
) -> None:
    apply(name, {"source": {"url": f"{source_url}/earth.jpg"}, "outputs": [thumb]})
    release.kubectl("wait", "--for=condition=Succeeded", f"ptask/{name}", "--timeout=60s")
    header, row = release.kubectl("get", "processingtasks", name).splitlines()
    assert header.split() == ["NAME", "STATUS", "REASON", "ATTEMPTS", "AGE", "FINISHED"]
    assert row.split()[:4] == [name, "succeeded", "Processed", "1"]
    assert name in release.kubectl("get", "darkroom")
    selected = "--field-selector=status.state=succeeded"
    assert name in release.kubectl("get", "ptask", selected)


def test_describe_and_logs_say_what_happened(
    release: Release, apply: Apply, name: str, source_url: str, thumb: dict[str, Any]
) -> None:
    apply(name, {"source": {"url": f"{source_url}/earth.jpg"}, "outputs": [thumb]})
    release.kubectl("wait", "--for=condition=Succeeded", f"ptask/{name}", "--timeout=60s")
    story = release.kubectl("describe", "processingtask", name)
    for word in ("Succeeded", "Processed", "thumb", "webp", "512"):
        assert word in story
    job = release.kubectl("get", "ptask", name, "-o", "jsonpath={.status.job}")
    assert "thumb" in release.kubectl("logs", f"job/{job}")


def test_a_url_that_is_not_public_is_refused_without_a_retry(
    release: Release, apply: Apply, name: str, thumb: dict[str, Any]
) -> None:
    apply(name, {"source": {"url": "http://169.254.169.254/latest/"}, "outputs": [thumb]})
    release.kubectl("wait", "--for=condition=Stalled", f"ptask/{name}", "--timeout=60s")
    status = json.loads(release.kubectl("get", "ptask", name, "-o", "json"))["status"]
    assert status["error"]["code"] == "source_forbidden_address"
    assert status["attempts"] == 1


def test_a_running_task_that_is_deleted_stops_within_five_seconds(
    release: Release,
    apply: Apply,
    name: str,
    source_url: str,
    thumb: dict[str, Any],
    until_running: Callable[[str], None],
    until_gone: Callable[..., None],
    admin: Client,
) -> None:
    apply(name, {"source": {"url": f"{source_url}/slow/60/earth.jpg"}, "outputs": [thumb]})
    until_running(name)
    uid = release.kubectl("get", "ptask", name, "-o", "jsonpath={.metadata.uid}")
    release.kubectl("delete", "processingtask", name)
    until_gone(name, seconds=5)
    row = admin.wait("task-" + uid.replace("-", ""), seconds=15)
    assert row["status"] == "canceled"


def test_a_running_task_that_is_canceled_by_rest_stops_within_five_seconds(
    user: Client,
    source_url: str,
    thumb: dict[str, Any],
    until_running: Callable[[str], None],
    until_gone: Callable[..., None],
) -> None:
    source = {"url": f"{source_url}/slow/60/earth.jpg"}
    task = user.call("POST", "/v1/tasks", {"source": source, "outputs": [thumb]})
    until_running(task["id"])
    assert user.request("POST", task["urls"]["cancel"]).status == 202
    until_gone(task["id"], seconds=5)
    assert user.wait(task["id"], seconds=10)["status"] == "canceled"
    assert user.request("POST", task["urls"]["cancel"]).status == 200


def test_a_job_that_somebody_deleted_is_followed_by_another(
    release: Release,
    apply: Apply,
    name: str,
    source_url: str,
    thumb: dict[str, Any],
    until_running: Callable[[str], None],
) -> None:
    source = {"url": f"{source_url}/slow/5/earth.jpg"}
    apply(name, {"source": source, "outputs": [thumb], "backoff": {"initialSeconds": 0}})
    until_running(name)
    job = release.kubectl("get", "ptask", name, "-o", "jsonpath={.status.job}")
    release.kubectl("delete", "job", job)
    release.kubectl("wait", "--for=condition=Succeeded", f"ptask/{name}", "--timeout=60s")
    status = json.loads(release.kubectl("get", "ptask", name, "-o", "json"))["status"]
    assert [entry.get("exitCode") for entry in status["tries"]] in ([143, 0], [None, 0])
    assert status["job"] != job


def test_a_finished_task_leaves_after_its_time_and_its_row_stays(
    release: Release, apply: Apply, name: str, source_url: str, thumb: Any, admin: Client
) -> None:
    source = {"url": f"{source_url}/earth.jpg"}
    apply(name, {"source": source, "outputs": [thumb], "ttlSecondsAfterFinished": 3})
    uid = release.kubectl("get", "ptask", name, "-o", "jsonpath={.metadata.uid}")
    poll(
        lambda: release.kubectl("get", "ptask", name, "--ignore-not-found", "-o", "name"),
        lambda found: not found,
        seconds=60,
        what=f"end of {name}",
    )
    assert admin.task("task-" + uid.replace("-", ""))["status"] == "succeeded"
