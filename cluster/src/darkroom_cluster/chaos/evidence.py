"""Gathers what the three stores say: the cluster by its API server, the rest from the API's pod."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from darkroom_cluster.api import Api
from darkroom_cluster.chaos.facts import Child, Evidence, Resource, Row, Stored
from darkroom_cluster.release import Release

UID_LABEL: Final = "darkroom.dev/task-uid"

# Runs in the API's pod, which reaches Postgres and has the volume; nothing goes by REST.
INVENTORY: Final = """
import hashlib, json, os, pathlib, psycopg
root = pathlib.Path("/var/lib/darkroom/objects")
def described(path):
    content = path.read_bytes()
    return [str(path.relative_to(root)), len(content), hashlib.sha256(content).hexdigest()]
stored = [described(path) for path in root.rglob("*") if path.is_file()]
with psycopg.connect(os.environ["DARKROOM_DATABASE_URL"]) as connection:
    rows = connection.execute("SELECT id, uid, status, outputs, error FROM tasks").fetchall()
print(json.dumps({"stored": stored, "rows": rows}))
"""


def gather(release: Release) -> Evidence:
    """Return what is there now. The rows are read first: whoever is new meanwhile has a row."""
    text = release.kubectl(
        *("exec", "deployment/darkroom-api", "--container=api", "--request-timeout=60s"),
        *("--", "python3", "-c", INVENTORY),
    )
    inventory = json.loads(text)
    resources, children = in_the_cluster(release.cluster.kubeconfig, release.namespace)
    return Evidence(
        rows=tuple(
            Row(id_, uid, status, tuple(outputs), error)
            for id_, uid, status, outputs, error in inventory["rows"]
        ),
        resources=resources,
        children=children,
        stored=tuple(Stored(*each) for each in inventory["stored"]),
    )


def in_the_cluster(
    kubeconfig: Path, namespace: str
) -> tuple[tuple[Resource, ...], tuple[Child, ...]]:
    """Return the tasks' resources, Jobs and pods; the children first, as they are made last."""
    api = Api(kubeconfig)
    pods = api.get(f"/api/v1/namespaces/{namespace}/pods?labelSelector={UID_LABEL}")["items"]
    jobs = api.get(f"/apis/batch/v1/namespaces/{namespace}/jobs?labelSelector={UID_LABEL}")["items"]
    tasks = api.get(f"/apis/darkroom.dev/v1alpha1/namespaces/{namespace}/processingtasks")["items"]
    return tuple(map(_resource, tasks)), (*map(_job, jobs), *map(_pod, pods))


def _resource(raw: dict[str, Any]) -> Resource:
    status = raw.get("status", {})
    metadata = raw["metadata"]
    return Resource(
        metadata["name"],
        metadata["uid"],
        status.get("state", "queued"),
        tuple(status.get("outputs", ())),
    )


def _job(raw: dict[str, Any]) -> Child:
    metadata = raw["metadata"]
    return Child(
        "Job",
        metadata["name"],
        metadata["labels"][UID_LABEL],
        _owner(metadata.get("ownerReferences", ())),
        metadata["uid"],
        active=bool(raw.get("status", {}).get("active")),
    )


def _pod(raw: dict[str, Any]) -> Child:
    metadata = raw["metadata"]
    return Child(
        "Pod",
        metadata["name"],
        metadata["labels"][UID_LABEL],
        _owner(metadata.get("ownerReferences", ())),
        metadata["uid"],
        active=raw["status"].get("phase") == "Running",
    )


def _owner(references: Iterable[dict[str, Any]]) -> str | None:
    return next((each["uid"] for each in references if each.get("controller")), None)
