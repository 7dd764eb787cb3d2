"""States, reasons and conditions of a task, and how conditions follow from them.

Conditions are the contract (kstatus reads Reconciling, Stalled and Ready; `kubectl wait` reads
Succeeded). The state is their summary, for columns and field selectors.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from pydantic import AwareDatetime, Field

from darkroom_core.schema import Document


class State(StrEnum):
    """Where a task is. The last four are final."""

    QUEUED = "queued"
    """Accepted; no container has started yet."""
    RUNNING = "running"
    """A processor is at work."""
    SUCCEEDED = "succeeded"
    """Every output is there."""
    FAILED = "failed"
    """It did not work, and will not be tried again."""
    CANCELED = "canceled"
    """Somebody deleted or canceled it before it ended."""
    EXPIRED = "expired"
    """Reserved: nothing writes it. A task past its deadline is failed, DeadlineExceeded."""

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow this state."""
        return self not in {State.QUEUED, State.RUNNING}


class Reason(StrEnum):
    """Why a task is where it is: the reason of its conditions."""

    PENDING = "Pending"
    """The processor is being started."""
    WAITING = "WaitingForPool"
    """Its pool is full; it starts when its turn comes."""
    SUSPENDED = "Suspended"
    """spec.suspend of the task or of its pool is true. Set it to false to go on."""
    POOL_NOT_FOUND = "PoolNotFound"
    """There is no pool of the name in spec.pool. Make it, or make a task that names another."""
    RECIPE_NOT_FOUND = "RecipeNotFound"
    """There is no recipe of the name in spec.recipe. Make it, or make a task that names another."""
    HELD_BY_KUEUE = "HeldByKueue"
    """Its Job waits in the Kueue queue that spec.queueName names."""
    UNSCHEDULABLE = "Unschedulable"
    """No node takes the pod; the message is the scheduler's. It starts when one does."""
    IMAGE_UNAVAILABLE = "ImageUnavailable"
    """The processor's image cannot be pulled; correct the pool's image or its pull secrets."""
    QUOTA_EXCEEDED = "QuotaExceeded"
    """A ResourceQuota leaves no room; raise it, or wait until other objects are gone."""
    REFUSED = "Refused"
    """The API server does not take the Job or its pod; the message says which policy is why."""
    NAMESPACE_TERMINATING = "NamespaceTerminating"
    """The namespace is being deleted, and the task with it."""
    START_FAILED = "StartFailed"
    """The container does not start; the message is the kubelet's."""
    RUNNING = "Running"
    """The processor is at work."""
    RETRYING = "Retrying"
    """A try failed and another follows; the message says how it failed."""
    DISRUPTED = "Disrupted"
    """Its node was drained or lost. Another try follows, and this one does not count."""
    PROCESSED = "Processed"
    """Every output was written."""
    REJECTED = "Rejected"
    """This input can never succeed; the error says why. It was not retried."""
    RETRIES_EXHAUSTED = "RetriesExhausted"
    """Every try failed; the error is the last one's."""
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    """The task was not finished within spec.deadlineSeconds."""
    INVALID = "Invalid"
    """The spec is not one that can be carried out; the message says what to change."""
    ACTIVE = "Active"
    """The pool or schedule does what its spec says."""


ConditionType = Literal["Ready", "Reconciling", "Stalled", "Succeeded"]
ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(Document):
    """One observation, as the Kubernetes API conventions want it."""

    type: ConditionType = Field(description="What was observed.")
    status: ConditionStatus = Field(description="True, False or Unknown.")
    reason: Reason = Field(description="One word for the cause; see the list of reasons.")
    message: str = Field(description="A sentence for people.", max_length=2048)
    last_transition_time: AwareDatetime = Field(description="When status last changed.")
    observed_generation: int = Field(
        description="The generation that was looked at.", json_schema_extra={"format": "int64"}
    )


# Reconciling and Stalled are abnormal-true: they exist only while they are true.
CONDITIONS: Final[dict[State, dict[ConditionType, ConditionStatus]]] = {
    State.QUEUED: {"Ready": "False", "Reconciling": "True", "Succeeded": "Unknown"},
    State.RUNNING: {"Ready": "False", "Reconciling": "True", "Succeeded": "Unknown"},
    State.SUCCEEDED: {"Ready": "True", "Succeeded": "True"},
    State.FAILED: {"Ready": "False", "Stalled": "True", "Succeeded": "False"},
    State.CANCELED: {"Ready": "False", "Stalled": "True", "Succeeded": "False"},
    State.EXPIRED: {"Ready": "False", "Stalled": "True", "Succeeded": "False"},
}


def conditions_of_owner(
    reason: Reason,
    message: str,
    *,
    generation: int,
    previous: list[Condition],
    now: datetime,
) -> list[Condition]:
    """Return the conditions of a pool or a schedule: it is ready, or its spec stalls it."""
    statuses: dict[ConditionType, ConditionStatus] = (
        {"Ready": "False", "Stalled": "True"} if reason is Reason.INVALID else {"Ready": "True"}
    )
    return _conditions(statuses, reason, message, generation=generation, previous=previous, now=now)


def conditions_for(  # noqa: PLR0913  # a table row, not a sequence of steps
    state: State,
    reason: Reason,
    message: str,
    *,
    generation: int,
    previous: list[Condition],
    now: datetime,
) -> list[Condition]:
    """Fold a state into conditions; transition times change only where the status does."""
    return _conditions(
        CONDITIONS[state], reason, message, generation=generation, previous=previous, now=now
    )


def _conditions(  # noqa: PLR0913  # a table row, not a sequence of steps
    statuses: dict[ConditionType, ConditionStatus],
    reason: Reason,
    message: str,
    *,
    generation: int,
    previous: list[Condition],
    now: datetime,
) -> list[Condition]:
    # Generation 0 is that of the definition's defaults: nobody observed those.
    before = {condition.type: condition for condition in previous if condition.observed_generation}
    return [
        Condition(
            type=type_,
            status=status,
            reason=reason,
            message=message,
            last_transition_time=before[type_].last_transition_time
            if type_ in before and before[type_].status == status
            else now,
            observed_generation=generation,
        )
        for type_, status in statuses.items()
    ]
