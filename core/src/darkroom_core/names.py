"""Names, labels and storage keys: the one table of constants that the parts share."""

import hashlib
from typing import Final

GROUP: Final = "darkroom.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "ProcessingTask"
PLURAL: Final = "processingtasks"
SINGULAR: Final = "processingtask"
SHORT_NAME: Final = "ptask"
CATEGORY: Final = "darkroom"

MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
NAME_LABEL: Final = "app.kubernetes.io/name"
COMPONENT_LABEL: Final = "app.kubernetes.io/component"
TASK_LABEL: Final = f"{GROUP}/task"
TASK_UID_LABEL: Final = f"{GROUP}/task-uid"
USER_LABEL: Final = f"{GROUP}/user"

OPERATOR: Final = "darkroom-operator"
"""The value of the managed-by label, and the field manager of what the operator applies."""

PROCESSOR_CONTAINER: Final = "processor"
ASSIGNMENT_VARIABLE: Final = "DARKROOM_ASSIGNMENT"
"""The environment variable in which a cold Job's container finds its assignment."""

# Label values and Job names end at 63 characters; a resource's name may have 253.
_LABEL_LENGTH: Final = 63
_DIGEST_LENGTH: Final = 8


def job_name(task_name: str, task_uid: str) -> str:
    """Return the name of the task's Job: readable, and the same at every try to create it."""
    digest = hashlib.sha256(task_uid.encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{_cut(task_name, _LABEL_LENGTH - _DIGEST_LENGTH - 1)}-{digest}"


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
