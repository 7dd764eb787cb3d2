"""Pools: how many run, in whose turn, and what keeps a task from starting."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from darkroom_cluster.client import poll
from darkroom_cluster.release import Release

Apply = Callable[..., Any]


@pytest.fixture
def pool(
    release: Release, apply_any: Callable[[Any], None], name: str
) -> Iterator[Callable[..., str]]:
    """Return a function that makes this test's pool, or changes it, and returns its name."""

    def made(**spec: Any) -> str:
        apply_any(
            {
                "apiVersion": "darkroom.dev/v1alpha1",
                "kind": "ProcessorPool",
                "metadata": {"name": name, "namespace": release.namespace},
                "spec": spec,
            }
        )
        return name

    yield made
    release.kubectl("delete", "ppool", name, "--ignore-not-found")
    release.kubectl("delete", "ptask", "-l", f"test={name}", "--ignore-not-found")


def reason_of(release: Release, name: str) -> str:
    path = '{.status.conditions[?(@.type=="Succeeded")].reason}'
    return release.kubectl("get", "ptask", name, "-o", f"jsonpath={path}")


def until_reason(release: Release, name: str, reason: str, seconds: float = 40) -> None:
    poll(
        lambda: reason_of(release, name),
        lambda found: found == reason,
        seconds=seconds,
        what=f"{reason} of {name}",
    )


def succeeded(release: Release, *names: str) -> None:
    tasks = [f"ptask/{name}" for name in names]
    release.kubectl("wait", "--for=condition=Succeeded", *tasks, "--timeout=90s")


def at_work(release: Release, pool: str) -> int:
    """Count the pool's containers that have not ended; a pod's phase and its Job say so later."""
    text = release.kubectl("get", "pods", "-l", f"darkroom.dev/pool={pool}", "-o", "json")
    return sum(
        not any("terminated" in status["state"] for status in statuses)
        for pod in json.loads(text)["items"]
        for statuses in [pod["status"].get("containerStatuses", [])]
    )


def test_no_more_run_than_there_are_replicas_and_scale_changes_that(
    release: Release, pool: Any, apply: Apply, source_url: str, thumb: Any, name: str
) -> None:
    mine = pool(replicas=1)
    tasks = [f"{name}-{number}" for number in range(4)]
    source = {"url": f"{source_url}/slow/2/earth.jpg"}
    for task in tasks:
        apply(task, {"source": source, "outputs": [thumb], "pool": mine})
    most = 0

    def ended() -> int:
        nonlocal most
        most = max(most, at_work(release, mine))
        states = release.kubectl("get", "ptask", *tasks, "-o", "jsonpath={.items[*].status.state}")
        return states.split().count("succeeded")

    poll(ended, lambda count: count >= 2, seconds=60, what="two tasks, one after the other")
    assert most == 1
    release.kubectl("scale", "ppool", mine, "--replicas=4")
    succeeded(release, *tasks)
    status = poll(
        lambda: json.loads(release.kubectl("get", "ppool", mine, "-o", "json"))["status"],
        lambda status: status["replicas"] == 4 and status["running"] == 0,
        seconds=15,
        what="the pool's status",
    )
    assert status["selector"] == f"darkroom.dev/pool={mine}"
    release.kubectl("wait", "--for=condition=Ready", f"ppool/{mine}", "--timeout=10s")


def test_a_suspended_pool_drains_and_goes_on(
    release: Release,
    pool: Any,
    apply: Apply,
    source_url: str,
    thumb: Any,
    name: str,
    until_running: Callable[[str], None],
) -> None:
    mine = pool(replicas=1)
    first, second = f"{name}-1", f"{name}-2"
    for task in (first, second):
        spec = {"source": {"url": f"{source_url}/slow/5/earth.jpg"}, "outputs": [thumb]}
        apply(task, {**spec, "pool": mine})
        until_running(first)
    pool(replicas=1, suspend=True)
    until_reason(release, second, "Suspended")
    succeeded(release, first)
    assert reason_of(release, second) == "Suspended"
    pool(replicas=1)
    succeeded(release, second)


def test_a_suspended_task_starts_when_it_is_let_go(
    release: Release, apply: Apply, source_url: str, thumb: Any, name: str
) -> None:
    source = {"url": f"{source_url}/earth.jpg"}
    apply(name, {"source": source, "outputs": [thumb], "suspend": True})
    until_reason(release, name, "Suspended")
    release.kubectl("patch", "ptask", name, "--type=merge", "-p", '{"spec":{"suspend":false}}')
    succeeded(release, name)


def test_a_task_waits_for_its_pool_and_starts_when_it_is_there(
    release: Release, pool: Any, apply: Apply, source_url: str, thumb: Any, name: str
) -> None:
    source = {"url": f"{source_url}/earth.jpg"}
    apply(name, {"source": source, "outputs": [thumb], "pool": name})
    until_reason(release, name, "PoolNotFound")
    pool(replicas=1)
    succeeded(release, name)


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ({"nodeSelector": {"no": "such-node"}}, "Unschedulable"),
        ({"image": "localhost/none:1", "imagePullPolicy": "Never"}, "ImageUnavailable"),
        ({"runtimeClassName": "none"}, "Refused"),
    ],
)
def test_what_a_pod_lacks_is_told_with_its_reason(
    release: Release,
    pool: Any,
    apply: Apply,
    source_url: str,
    thumb: Any,
    name: str,
    template: Any,
    reason: str,
) -> None:
    mine = pool(replicas=1, template=template)
    source = {"url": f"{source_url}/earth.jpg"}
    apply(name, {"source": source, "outputs": [thumb], "pool": mine})
    until_reason(release, name, reason)
    told = release.kubectl("get", "events", "--field-selector", f"involvedObject.name={name}")
    assert reason in told
    release.kubectl("delete", "ptask", name)


def test_kueue_alone_lets_its_tasks_start(
    release: Release, apply: Apply, source_url: str, thumb: Any, name: str
) -> None:
    source = {"url": f"{source_url}/earth.jpg"}
    apply(name, {"source": source, "outputs": [thumb], "queueName": "team-a"})
    until_reason(release, name, "HeldByKueue")
    job = release.kubectl("get", "jobs", "-l", f"darkroom.dev/task={name}", "-o", "json")
    (made,) = json.loads(job)["items"]
    assert made["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team-a"
    assert made["spec"]["suspend"] is True
    # What Kueue does once the queue has room.
    let_go = ("--type=merge", "-p", '{"spec":{"suspend":false}}')
    release.kubectl("patch", "job", made["metadata"]["name"], *let_go)
    succeeded(release, name)
