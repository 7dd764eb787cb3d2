"""What must be true after every fault: plain functions over plain data.

Each returns what breaks it; nothing is the good answer.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from darkroom_cluster.chaos.facts import Broken, Child, Evidence, Resource, Row, Sent, Stored, Wish
from darkroom_cluster.client import FINAL_STATES

ENDS: Final = {
    Wish.QUICK: "succeeded",
    Wish.SLOW: "succeeded",
    Wish.CORRUPT: "failed",
    Wish.CANCELED: "canceled",
}
EXTENSIONS: Final = {"jpeg": "jpg"}


def broken(
    sent: Sequence[Sent], histories: Mapping[str, Sequence[str]], evidence: Evidence
) -> list[Broken]:
    """Return whatever is broken, of all invariants."""
    return [
        *lost(sent, evidence.rows),
        *unfinished(evidence.rows),
        *ended_twice(histories, evidence.rows),
        *wrongly_ended(sent, evidence.rows),
        *half_written(evidence.rows, evidence.stored),
        *recorded_twice(evidence.rows, evidence.resources),
        *orphaned_children(evidence.children, evidence.resources),
        *orphaned_objects(evidence.stored, evidence.rows),
        *unrecorded(evidence.resources, evidence.rows),
        *forsaken(evidence.rows, evidence.resources),
        *disagreeing(evidence.resources, evidence.rows),
    ]


def lost(sent: Iterable[Sent], rows: Iterable[Row]) -> list[Broken]:
    """Every task that POST accepted is known."""
    known = {row.id for row in rows}
    return [
        Broken("lost", f"{task.id} was accepted and has no row", task.id)
        for task in sent
        if task.id not in known
    ]


def unfinished(rows: Iterable[Row]) -> list[Broken]:
    """Every task has ended."""
    return [
        Broken("lost", f"{row.id} is still {row.status}", row.id)
        for row in rows
        if row.status not in FINAL_STATES
    ]


def ended_twice(histories: Mapping[str, Sequence[str]], rows: Iterable[Row]) -> list[Broken]:
    """A final state never changes; `histories` are the states seen of each task, in order."""
    last = {row.id: row.status for row in rows}
    found = []
    for task, states in histories.items():
        seen = [*states, last[task]] if task in last else list(states)
        ends = [index for index, state in enumerate(seen) if state in FINAL_STATES]
        after = seen[ends[0] :] if ends else []
        if len(set(after)) > 1:
            found.append(Broken("duplicated", f"{task} was {' and then '.join(after)}", task))
    return found


def wrongly_ended(sent: Iterable[Sent], rows: Iterable[Row]) -> list[Broken]:
    """Every task that has ended did so as its kind must."""
    by_id = {row.id: row for row in rows}
    found = []
    for task in sent:
        row = by_id.get(task.id)
        if row is None or row.status not in FINAL_STATES:
            continue
        if row.status != ENDS[task.wish]:
            why = f": {row.error}" if row.error else ""
            found.append(Broken("wrong", f"{task.id} ({task.wish}) has {row.status}{why}", task.id))
        elif task.wish is Wish.CORRUPT and (row.error is None or row.error.get("retryable")):
            found.append(Broken("wrong", f"{task.id} was no picture, but: {row.error}", task.id))
    return found


def half_written(rows: Iterable[Row], stored: Iterable[Stored]) -> list[Broken]:
    """Whatever a succeeded task says it made is there, whole; who has not succeeded shows none."""
    objects = {each.key: each for each in stored}
    found = []
    for row in rows:
        if row.status != "succeeded":
            if row.outputs:
                found.append(Broken("wrong", f"{row.id} has {row.status} with outputs", row.id))
            continue
        if not row.outputs:
            found.append(Broken("wrong", f"{row.id} has succeeded without outputs", row.id))
        for output in row.outputs:
            extension = EXTENSIONS.get(output["format"], output["format"])
            key = f"outputs/{row.uid}/{output['name']}.{extension}"
            there = objects.get(key)
            if there is None:
                found.append(Broken("wrong", f"{key} of {row.id} is not there", row.id))
            elif (there.size, there.sha256) != (output["bytes"], output["sha256"]):
                said = f"{there.size} bytes of {output['bytes']}"
                found.append(Broken("wrong", f"{key} of {row.id} is not whole: {said}", row.id))
    return found


def recorded_twice(rows: Iterable[Row], resources: Iterable[Resource]) -> list[Broken]:
    """No resource has two rows, and no name two resources."""
    uids = Counter(row.uid for row in rows if row.uid)
    names = Counter(resource.name for resource in resources)
    twice = [
        *(f"the resource {uid} has {count} rows" for uid, count in uids.items() if count > 1),
        *(f"{name} has {count} resources" for name, count in names.items() if count > 1),
    ]
    return [Broken("duplicated", what) for what in twice]


def overlapping(children: Iterable[Child], names: Mapping[str, str]) -> list[Broken]:
    """At one moment a task has at most one pod at work; `names` are the tasks' by uid."""
    active = Counter(child.task_uid for child in children if child.kind == "Pod" and child.active)
    return [
        Broken("duplicated", f"{names.get(uid, uid)} ran in {count} pods at once", names.get(uid))
        for uid, count in active.items()
        if count > 1
    ]


def orphaned_children(children: Iterable[Child], resources: Iterable[Resource]) -> list[Broken]:
    """Every Job belongs to a task that is there, every pod to a Job that is there."""
    children = list(children)
    alive = {resource.uid for resource in resources}
    jobs = {child.uid for child in children if child.kind == "Job"}
    return [
        Broken("orphaned", f"{child.kind} {child.name} has lost its owner")
        for child in children
        if child.task_uid not in alive or (child.kind == "Pod" and child.owner_uid not in jobs)
    ]


def orphaned_objects(stored: Iterable[Stored], rows: Iterable[Row]) -> list[Broken]:
    """Every object in storage is the upload or an output of a task that is known."""
    rows = list(rows)
    uploads = {f"uploads/{row.id}" for row in rows}
    outputs = {f"outputs/{row.uid}" for row in rows if row.uid}
    return [
        Broken("orphaned", f"{each.key} ({each.size} bytes) belongs to no task")
        for each in stored
        if each.key not in uploads and each.key.rpartition("/")[0] not in outputs
    ]


def unrecorded(resources: Iterable[Resource], rows: Iterable[Row]) -> list[Broken]:
    """Every resource has its row."""
    known = {row.uid for row in rows}
    return [
        Broken("orphaned", f"the resource {resource.name} has no row", resource.name)
        for resource in resources
        if resource.uid not in known
    ]


def forsaken(rows: Iterable[Row], resources: Iterable[Resource]) -> list[Broken]:
    """Every row that has not ended has its resource."""
    alive = {resource.uid for resource in resources}
    return [
        Broken("orphaned", f"the row {row.id} is {row.status} and has no resource", row.id)
        for row in rows
        if row.status not in FINAL_STATES and row.uid not in alive
    ]


def disagreeing(resources: Iterable[Resource], rows: Iterable[Row]) -> list[Broken]:
    """A resource and its row say the same."""
    by_uid = {row.uid: row for row in rows}
    found = []
    for resource in resources:
        row = by_uid.get(resource.uid)
        if row is None:
            continue
        if resource.state != row.status:
            what = f"{row.id} is {resource.state} in the cluster and {row.status} in Postgres"
            found.append(Broken("wrong", what, row.id))
        elif _made(resource.outputs) != _made(row.outputs):
            what = f"{row.id} has other outputs in the cluster than in Postgres"
            found.append(Broken("wrong", what, row.id))
    return found


def _made(outputs: Iterable[Mapping[str, object]]) -> dict[object, object]:
    return {output["name"]: (output["bytes"], output["sha256"]) for output in outputs}
