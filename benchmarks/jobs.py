"""The time of a task from POST to succeeded, beside the same work as a raw Job.

Both sides run the same pod: the image, the resources, the source and the output are those of a
Darkroom Job. They take turns, so that a machine whose speed drifts slows both. It is
measured on the cluster of `make up`.
"""

import argparse
import base64
import json
import os
import re
import statistics
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import container_start
from darkroom_cluster.client import FINAL_STATES, Client
from darkroom_cluster.node import Node
from darkroom_cluster.quickstart import read_environment
from darkroom_core import names
from darkroom_core.storage.signing import OBJECTS_PATH, signed_url
from figures import Figure, compared, percentile
from kubernetes import client, config
from raw_jobs import RawJobs

NAMESPACE: Final = "darkroom"
THREADS: Final = 16
RECIPE: Final = {
    "outputs": [
        {
            "name": "thumb",
            "operations": [{"resize": {"width": 512, "height": 512, "fit": "cover"}}],
            "format": "webp",
        }
    ]
}
# The objects that belong to a task's life; leases and token reviews are the cluster's own.
COUNTED: Final = frozenset({"processingtasks", "jobs", "pods", "events"})
_WRITES = re.compile(
    r'apiserver_request_total\{.*resource="(\w+)".*verb="(POST|PUT|PATCH|APPLY|DELETE)".*\} (\S+)'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what can be told."""
    parser.add_argument("--sequential", type=int, default=20, help="tasks of `jobs`, one by one")
    parser.add_argument("--at-once", type=int, default=40, help="tasks of `jobs` at once")
    parser.add_argument("--rounds", type=int, default=2, help="bursts of each side in `jobs`")


def measure(options: argparse.Namespace) -> list[Figure]:
    """Return the figures."""
    environment = read_environment(options.state)
    if not environment:
        raise SystemExit("There is no Darkroom to measure: run `make up` first.")
    os.environ["KUBECONFIG"] = environment["KUBECONFIG"]
    os.environ["PATH"] = f"{(options.state / 'bin').resolve()}:{os.environ['PATH']}"
    config.load_kube_config(environment["KUBECONFIG"])  # type: ignore[no-untyped-call]
    user = Client(environment["DARKROOM_URL"]).login(
        environment["DARKROOM_EMAIL"], environment["DARKROOM_PASSWORD"]
    )
    photograph = Path("samples/earth.jpg").read_bytes()
    raw = RawJobs(NAMESPACE, _template(user, photograph))
    sequential = _sequential(user, photograph, raw, options.sequential)
    return [
        *sequential,
        *container_start.measure(Node("dev", options.state), _pods()),
        *_bursts(user, photograph, raw, options.at_once, options.rounds),
    ]


def _pods() -> list[dict[str, Any]]:
    core: Any = client.CoreV1Api()
    selector = f"{names.MANAGED_BY_LABEL}={names.OPERATOR}"
    found = core.list_namespaced_pod(NAMESPACE, label_selector=selector, _preload_content=False)
    pods: list[dict[str, Any]] = json.loads(found.data)["items"]
    return pods


def _template(user: Client, photograph: bytes) -> dict[str, Any]:
    """Run one task and return its Job's spec: the raw Jobs do just the same work."""
    task = user.wait(user.submit(photograph, RECIPE)["id"])
    batch: Any = client.BatchV1Api()
    job = batch.read_namespaced_job(task["kubernetes"]["job"], NAMESPACE, _preload_content=False)
    spec: dict[str, Any] = json.loads(job.data)["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    for variable in container["env"]:
        if variable["name"] == names.ASSIGNMENT_VARIABLE:
            variable["value"] = _elsewhere(json.loads(variable["value"]))
    return spec


def _elsewhere(assignment: dict[str, Any]) -> str:
    """Return the assignment with outputs of its own: those of a task that has ended are closed."""
    core: Any = client.CoreV1Api()
    secret = core.read_namespaced_secret("darkroom-secrets", NAMESPACE)
    key = base64.b64decode(secret.data["signing-key"])
    files = [file["request"] for output in assignment["outputs"] for file in output["files"]]
    for request in [*files, assignment["facts"]]:
        url = urlsplit(request["url"])
        if url.path.startswith(OBJECTS_PATH):
            path = f"{OBJECTS_PATH}outputs/{uuid.uuid4()}/{url.path.rpartition('/')[2]}"
            expires = datetime.now(UTC) + timedelta(hours=1)
            base = f"{url.scheme}://{url.netloc}"
            request["url"] = signed_url(base, "PUT", path, expires=expires, key=key)
    return json.dumps(assignment)


def _sequential(user: Client, photograph: bytes, raw: RawJobs, count: int) -> list[Figure]:
    tasks, jobs = [], []
    task_writes, job_writes = [], []
    for i in range(count):
        print(f"\rsequential: {i + 1}/{count}", end="", flush=True)
        before = _writes()
        jobs += raw.run(1, threads=1)
        between = _settled_writes()
        tasks += _run_tasks(user, photograph, 1)
        after = _settled_writes()
        job_writes.append(between - before)
        task_writes.append(after - between)
    print()
    raw.clear()
    return [
        compared("sequential p50", percentile(tasks, 50), "s", percentile(jobs, 50), at_most=1.0),
        compared("sequential p95", percentile(tasks, 95), "s", percentile(jobs, 95)),
        compared(
            "API writes per task",
            statistics.median(task_writes),
            "writes",
            statistics.median(job_writes),
        ),
    ]


def _bursts(user: Client, photograph: bytes, raw: RawJobs, count: int, rounds: int) -> list[Figure]:
    task_ends: list[list[float]] = []
    job_ends: list[list[float]] = []
    for i in range(rounds):
        print(f"\r{count} at once: round {i + 1}/{rounds}", end="", flush=True)
        _settled_writes()
        job_ends.append(raw.run(count, threads=THREADS))
        raw.clear()
        _settled_writes()
        task_ends.append(_run_tasks(user, photograph, count))
    print()
    task_rate = statistics.median(count / ends[-1] for ends in task_ends)
    job_rate = statistics.median(count / ends[-1] for ends in job_ends)
    tasks, jobs = ([end for ends in side for end in ends] for side in (task_ends, job_ends))
    name = f"{count} at once"
    return [
        compared(f"{name}, rate", task_rate, "tasks/s", job_rate, at_least=1.0),
        compared(f"{name}, p50", percentile(tasks, 50), "s", percentile(jobs, 50)),
        compared(f"{name}, p95", percentile(tasks, 95), "s", percentile(jobs, 95)),
    ]


def _run_tasks(user: Client, photograph: bytes, count: int) -> list[float]:
    """Submit `count` tasks at once; return when each was seen succeeded, in seconds."""
    started = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        submitted = list(pool.map(lambda _: user.submit(photograph, RECIPE)["id"], range(count)))
    ended: dict[str, float] = {}
    while len(ended) < count:
        for task in _look(user, submitted):
            if task["status"] in FINAL_STATES:
                ended.setdefault(task["id"], time.monotonic() - started)
                assert task["status"] == "succeeded", task  # noqa: S101  # nothing to measure
        time.sleep(0.02 if count == 1 else 0.25)
    return sorted(ended.values())


def _look(user: Client, submitted: list[str]) -> list[Any]:
    if len(submitted) == 1:
        return [user.task(submitted[0])]
    found: list[Any] = user.call("GET", "/v1/tasks?limit=100")["data"]
    return [task for task in found if task["id"] in submitted]


def _writes() -> int:
    """Count the writes that the API server has answered, as its own metrics have them."""
    command = ["kubectl", "get", "--raw", "/metrics"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return sum(
        int(float(count)) for resource, _, count in _WRITES.findall(text) if resource in COUNTED
    )


def _settled_writes() -> int:
    """Count the writes once nothing has been written for a second: the tail belongs to the run."""
    count = _writes()
    while True:
        time.sleep(1)
        if (now := _writes()) == count:
            return count
        count = now
