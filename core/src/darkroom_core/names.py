"""Names, labels and storage keys: the one table of constants that the parts share."""

import hashlib
from typing import Final, NamedTuple

GROUP: Final = "darkroom.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
CATEGORY: Final = "darkroom"


# A named tuple: the processor imports this module, and dataclasses cost it a tenth of its start.
class Kind(NamedTuple):
    """What one kind of resource is called."""

    kind: str
    plural: str
    singular: str
    short_name: str

    @property
    def crd(self) -> str:
        """The name of its definition."""
        return f"{self.plural}.{GROUP}"


TASK: Final = Kind("ProcessingTask", "processingtasks", "processingtask", "ptask")
POOL: Final = Kind("ProcessorPool", "processorpools", "processorpool", "ppool")
SCHEDULE: Final = Kind("ProcessingSchedule", "processingschedules", "processingschedule", "psched")
RECIPE: Final = Kind("ProcessingRecipe", "processingrecipes", "processingrecipe", "precipe")

MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
NAME_LABEL: Final = "app.kubernetes.io/name"
COMPONENT_LABEL: Final = "app.kubernetes.io/component"
TASK_LABEL: Final = f"{GROUP}/task"
TASK_UID_LABEL: Final = f"{GROUP}/task-uid"
TRY_LABEL: Final = f"{GROUP}/try"
POOL_LABEL: Final = f"{GROUP}/pool"
SCHEDULE_LABEL: Final = f"{GROUP}/schedule"
USER_LABEL: Final = f"{GROUP}/user"
"""Whose task it is; pools are shared fairly between its values."""

REPLAY_ANNOTATION: Final = f"{GROUP}/replay"
"""On a failed task: make a copy of it. Each new value makes one more."""

TRACEPARENT_ANNOTATION: Final = f"{GROUP}/traceparent"
"""On a task: the span that its work belongs to (W3C trace context)."""

KUEUE_LABEL: Final = "kueue.x-k8s.io/queue-name"
"""Kueue's contract: on a suspended Job it names the LocalQueue that may let it start."""

DEFAULT_POOL: Final = "default"

OPERATOR: Final = "darkroom-operator"
"""The value of the managed-by label, and the field manager of what the operator applies."""

FACTS: Final = "_facts"
"""What the facts of a task are stored as, beside its outputs: no output can be called so."""

PROCESSOR_CONTAINER: Final = "processor"
ASSIGNMENT_VARIABLE: Final = "DARKROOM_ASSIGNMENT"
"""The environment variable in which a cold Job's container finds its assignment."""

# Label values and Job names end at 63 characters; a resource's name may have 253.
_LABEL_LENGTH: Final = 63
_NAME_LENGTH: Final = 253
_DIGEST_LENGTH: Final = 8


def job_name(task_name: str, task_uid: str, number: int = 1) -> str:
    """Return the name of the Job of a task's try: readable, and always the same for that try."""
    digest = hashlib.sha256(task_uid.encode()).hexdigest()[:_DIGEST_LENGTH]
    end = f"-{digest}-{number}"
    return f"{_cut(task_name, _LABEL_LENGTH - len(end))}{end}"


def replay_name(task_name: str, token: str) -> str:
    """Return the name of a task's replay: the same for the same token."""
    digest = hashlib.sha256(token.encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{_cut(task_name, _NAME_LENGTH - _DIGEST_LENGTH - 1)}-{digest}"


def task_label(task_name: str) -> str:
    """Return the task's name as a label's value, cut where it is too long for one."""
    return _cut(task_name, _LABEL_LENGTH)


def _cut(name: str, length: int) -> str:
    return name.replace(".", "-")[:length].rstrip("-")


def upload_key(task_id: str) -> str:
    """Return the storage key of the bytes that were uploaded for a task."""
    return f"uploads/{task_id}"


def output_key(task_uid: str, output_name: str, extension: str) -> str:
    """Return the storage key of one output: a second try writes the same key."""
    return f"outputs/{task_uid}/{output_name}.{extension}"
