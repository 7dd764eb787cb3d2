"""The Job of a task: one restricted pod at a time, tried again by the Job controller."""

from dataclasses import dataclass
from typing import Any, Final

from darkroom_core import names
from darkroom_core.exit_codes import ExitCode
from darkroom_core.task import TaskSpec

from darkroom_operator.task import Task

_USER: Final = 65532

# The processor exits at SIGTERM by itself; the kernel's SIGKILL need not wait for it.
_GRACE_SECONDS: Final = 1


@dataclass(frozen=True, slots=True)
class Processor:
    """What a processor's container looks like."""

    image: str
    pull_policy: str = "IfNotPresent"
    cpu_request: str = "100m"
    memory_request: str = "128Mi"
    memory_limit: str = "1Gi"
    temporary_size: str = "256Mi"


def job_for(task: Task, spec: TaskSpec, processor: Processor, assignment: str) -> dict[str, Any]:
    """Return the Job's manifest. Its name follows from the task, so that a second try collides."""
    labels = _labels(task)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": names.job_name(task.metadata.name, task.uid),
            "namespace": task.metadata.namespace,
            "labels": labels,
            "ownerReferences": [_owner(task)],
        },
        "spec": {
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": spec.retries,
            "activeDeadlineSeconds": spec.deadline_seconds,
            "podFailurePolicy": _POD_FAILURE_POLICY,
            "template": {
                "metadata": {"labels": labels},
                "spec": _pod_spec(processor, assignment),
            },
        },
    }


_POD_FAILURE_POLICY: Final = {
    "rules": [
        {
            "action": "FailJob",
            "onExitCodes": {
                "containerName": names.PROCESSOR_CONTAINER,
                "operator": "In",
                "values": [int(ExitCode.REJECTED)],
            },
        },
        {
            "action": "Ignore",
            "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
        },
    ]
}


def _owner(task: Task) -> dict[str, Any]:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "name": task.metadata.name,
        "uid": task.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _labels(task: Task) -> dict[str, str]:
    return {
        names.NAME_LABEL: "darkroom",
        names.COMPONENT_LABEL: "processor",
        names.MANAGED_BY_LABEL: names.OPERATOR,
        names.TASK_LABEL: names.task_label(task.metadata.name),
        names.TASK_UID_LABEL: task.uid,
    }


def _pod_spec(processor: Processor, assignment: str) -> dict[str, Any]:
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(processor, assignment)],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": processor.temporary_size}}],
    }


def _container(processor: Processor, assignment: str) -> dict[str, Any]:
    return {
        "name": names.PROCESSOR_CONTAINER,
        "image": processor.image,
        "imagePullPolicy": processor.pull_policy,
        "env": [{"name": names.ASSIGNMENT_VARIABLE, "value": assignment}],
        "resources": {
            "requests": {
                "cpu": processor.cpu_request,
                "memory": processor.memory_request,
            },
            "limits": {"memory": processor.memory_limit},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePolicy": "File",
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108  # in the container
    }
