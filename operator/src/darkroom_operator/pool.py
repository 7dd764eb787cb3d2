"""A pool as the operator reads it, and what it lets its tasks do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from darkroom_core import names
from darkroom_core.conditions import Reason, conditions_of_owner
from darkroom_core.pool import PoolSpec, PoolStatus
from darkroom_core.task import TaskSpec
from pydantic import ValidationError

from darkroom_operator.admission import Claim, Terms
from darkroom_operator.children import Hindrance
from darkroom_operator.task import Task
from darkroom_operator.unreadable import problem_of

ROOM: Final = 100
"""Places of the default pool where no such object is there: about what one node can hold."""


@dataclass(frozen=True, slots=True)
class Pool:
    """One ProcessorPool."""

    uid: str
    namespace: str
    name: str
    generation: int
    spec: PoolSpec | None
    """None where this operator cannot read it."""
    problem: str
    status: PoolStatus

    @property
    def key(self) -> str:
        """What tasks find it by."""
        return f"{self.namespace}/{self.name}"


def read_pool(raw: dict[str, Any]) -> Pool:
    """Read the API server's JSON; a spec of another version becomes a problem to report."""
    metadata = raw["metadata"]
    spec, problem = None, ""
    try:
        spec = PoolSpec.model_validate(raw.get("spec") or {})
    except ValidationError as error:
        problem = problem_of(error)
    try:
        status = PoolStatus.model_validate(raw.get("status") or {})
    except ValidationError:
        status = PoolStatus()
    return Pool(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        generation=metadata.get("generation", 1),
        spec=spec,
        problem=problem,
        status=status,
    )


def pool_key(task: Task, spec: TaskSpec) -> str:
    """Return the key of the task's pool."""
    return f"{task.metadata.namespace}/{spec.pool}"


def terms_of(spec: PoolSpec | None) -> Terms:
    """Return how a pool shares its places; a suspended one has none to give."""
    if spec is None or spec.suspend:
        return Terms(places=0)
    return Terms(spec.replicas, spec.ageing_seconds, spec.weights)


def implied_pool(name: str) -> PoolSpec | None:
    """Return the pool that is there although nobody made it."""
    return PoolSpec(replicas=ROOM) if name == names.DEFAULT_POOL else None


def gate_of(spec: TaskSpec, pool: PoolSpec | None, problem: str) -> Hindrance | None:
    """Return what keeps the task from starting, whatever its turn; None where nothing does."""
    if spec.suspend:
        return Hindrance(Reason.SUSPENDED, "spec.suspend is true; set it to false to let it start.")
    if problem:
        return Hindrance(Reason.INVALID, f"Its pool {spec.pool} cannot be read: {problem}.")
    if pool is None:
        return Hindrance(
            Reason.POOL_NOT_FOUND,
            f"There is no ProcessorPool {spec.pool} in this namespace; it starts when there is.",
        )
    if spec.queue_name is None and pool.suspend:
        return Hindrance(Reason.SUSPENDED, f"Its pool {spec.pool} is suspended.")
    if spec.queue_name is None and pool.replicas == 0:
        return Hindrance(Reason.WAITING, f"Its pool {spec.pool} has no replicas.")
    return None


def claim_of(task: Task, spec: TaskSpec, *, holds: bool) -> Claim | None:
    """Return the task's claim to a place; what Kueue admits needs none of ours."""
    if spec.queue_name is not None:
        return None
    return Claim(
        pool=pool_key(task, spec),
        user=task.metadata.labels.get(names.USER_LABEL, ""),
        priority=spec.priority,
        since=task.metadata.creation_timestamp,
        holds=holds,
    )


def status_of_pool(pool: Pool, running: int, waiting: int, now: datetime) -> PoolStatus:
    """Return the status that the pool should have."""
    if pool.spec is None:
        reason, message, replicas = Reason.INVALID, pool.problem, 0
    elif pool.spec.suspend:
        reason, replicas = Reason.SUSPENDED, pool.spec.replicas
        message = "No task is started; those that run end by themselves."
    else:
        reason, replicas = Reason.ACTIVE, pool.spec.replicas
        message = "Tasks are started as places become free."
    return PoolStatus(
        observed_generation=pool.generation,
        replicas=replicas,
        selector=f"{names.POOL_LABEL}={pool.name}",
        running=running,
        waiting=waiting,
        conditions=conditions_of_owner(
            reason,
            message,
            generation=pool.generation,
            previous=pool.status.conditions,
            now=now,
        ),
    )
