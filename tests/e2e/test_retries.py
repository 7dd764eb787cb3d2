"""Tries, dead letters and replays, by kubectl and by REST."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from darkroom_cluster.client import Client, poll
from darkroom_cluster.release import Release


def read(release: Release, name: str) -> Any:
    return json.loads(release.kubectl("get", "ptask", name, "-o", "json"))


@pytest.fixture
def dead(user: Client, source_url: str, thumb: Any) -> Any:
    """Return a task of a user that failed twice, as REST shows it."""
    body = {
        "source": {"url": f"{source_url}/down/earth.jpg"},
        "outputs": [thumb],
        "retries": 1,
        "backoff": {"initialSeconds": 1},
    }
    task = user.call("POST", "/v1/tasks", body)
    return user.wait(task["id"], seconds=60)


def test_every_try_is_seen_and_the_last_one_makes_a_dead_letter(
    release: Release, dead: Any, user: Client
) -> None:
    assert (dead["status"], dead["dead_lettered"], dead["reason"]) == (
        "failed",
        True,
        "RetriesExhausted",
    )
    status = read(release, dead["id"])["status"]
    assert status["deadLettered"]
    assert [entry["number"] for entry in status["tries"]] == [1, 2]
    for entry in status["tries"]:
        assert entry["exitCode"] == 75
        assert entry["node"]
        assert entry["startedAt"] <= entry["finishedAt"]
        assert entry["error"]["retryable"]
    assert [entry["exit_code"] for entry in dead["tries"]] == [75, 75]
    jobs = release.kubectl("get", "jobs", "-l", f"darkroom.dev/task={dead['id']}", "-o", "name")
    assert len(jobs.split()) == 2
    events = poll(
        lambda: release.kubectl(
            "get", "events", "--field-selector", f"involvedObject.name={dead['id']}"
        ),
        lambda text: "DeadLettered" in text,
        seconds=10,
        what="the Events",
    )
    assert "Retrying" in events
    found = user.call("GET", "/v1/tasks?dead_lettered=true")["data"]
    assert [task["id"] for task in found] == [dead["id"]]


def test_kubectl_replays_a_dead_letter_once_for_each_value(
    release: Release, dead: Any, admin: Client
) -> None:
    for _ in range(2):
        release.kubectl("annotate", "ptask", dead["id"], "darkroom.dev/replay=1", "--overwrite")
    replay = poll(
        lambda: [
            item
            for item in json.loads(release.kubectl("get", "ptask", "-o", "json"))["items"]
            if item["spec"].get("origin") == dead["id"]
        ],
        bool,
        seconds=20,
        what="the replay",
    )
    (made,) = replay
    assert made["spec"]["source"] == read(release, dead["id"])["spec"]["source"]
    row = admin.wait("task-" + made["metadata"]["uid"].replace("-", ""), seconds=60)
    assert row["origin"] == dead["id"]
    assert read(release, dead["id"])["status"]["replayed"] == "1"


def test_rest_replays_a_dead_letter_as_a_task_of_the_same_user(user: Client, dead: Any) -> None:
    answer = user.request("POST", f"/v1/tasks/{dead['id']}/replay")
    assert answer.status == 202
    replay = answer.json()
    assert (replay["origin"], replay["owner"]) == (dead["id"], dead["owner"])
    assert user.wait(replay["id"], seconds=60)["dead_lettered"]


def test_a_kill_for_memory_is_told_with_what_to_do(
    release: Release,
    apply_any: Callable[[dict[str, Any]], None],
    user: Client,
    photograph: bytes,
    thumb: dict[str, Any],
    name: str,
) -> None:
    manifest = {
        "apiVersion": "darkroom.dev/v1alpha1",
        "kind": "ProcessorPool",
        "metadata": {"name": name, "namespace": release.namespace},
        # The interpreter alone takes half of it.
        "spec": {"replicas": 1, "template": {"resources": {"limits": {"memory": "24Mi"}}}},
    }
    apply_any(manifest)
    wish = {"outputs": [thumb], "pool": name, "retries": 0}
    task = user.wait(user.submit(photograph, wish)["id"])
    assert (task["status"], task["error"]["code"]) == ("failed", "out_of_memory")
    assert task["tries"][0]["exit_code"] == 137
    assert "Raise the memory limit of its pool" in task["error"]["message"]
    release.kubectl("delete", "ppool", name)
