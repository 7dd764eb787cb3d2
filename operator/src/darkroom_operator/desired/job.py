"""The Job of one try: one restricted pod, made again only where a disruption ended it."""

from dataclasses import dataclass
from typing import Any, Final

from darkroom_core import names, trace_context
from darkroom_core.exit_codes import ExitCode
from darkroom_core.pool import PoolTemplate
from darkroom_core.task import TaskSpec
from darkroom_core.trace_context import processing

from darkroom_operator.decide import Start
from darkroom_operator.task import Task

_USER: Final = 65532

# The processor exits at SIGTERM by itself; the kernel's SIGKILL need not wait for it.
_GRACE_SECONDS: Final = 1


@dataclass(frozen=True, slots=True)
class Processor:
    """What a processor's container looks like."""

    image: str
    pull_policy: str = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()
    has_fixed_user: bool = True
    cpu_request: str = "100m"
    memory_request: str = "128Mi"
    memory_limit: str = "1Gi"
    temporary_size: str = "1Gi"


def job_for(
    task: Task, spec: TaskSpec, start: Start, processor: Processor, assignment: str
) -> dict[str, Any]:
    """Return the Job's manifest. Its name follows from the try, so that a second one collides."""
    labels = _labels(task, spec, start.number)
    environment = {names.ASSIGNMENT_VARIABLE: assignment}
    if parent := task.trace:
        context = processing(parent, task.uid, start.number)
        environment[trace_context.VARIABLE] = context.traceparent
    queue = {names.KUEUE_LABEL: spec.queue_name} if spec.queue_name else {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": names.job_name(task.metadata.name, task.uid, start.number),
            "namespace": task.metadata.namespace,
            "labels": labels | queue,
            "ownerReferences": [_owner(task)],
        },
        "spec": {
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": 0,
            "activeDeadlineSeconds": start.seconds,
            "podFailurePolicy": _POD_FAILURE_POLICY,
            # Kueue's contract: made suspended, and let go by Kueue alone.
            **({"suspend": True} if queue else {}),
            "template": {
                "metadata": {"labels": labels},
                "spec": _pod_spec(processor, start.template, environment),
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
        "kind": names.TASK.kind,
        "name": task.metadata.name,
        "uid": task.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _labels(task: Task, spec: TaskSpec, number: int) -> dict[str, str]:
    return {
        names.NAME_LABEL: "darkroom",
        names.COMPONENT_LABEL: "processor",
        names.MANAGED_BY_LABEL: names.OPERATOR,
        names.TASK_LABEL: names.task_label(task.metadata.name),
        names.TASK_UID_LABEL: task.uid,
        names.TRY_LABEL: str(number),
        names.POOL_LABEL: spec.pool,
    }


def _pod_spec(
    processor: Processor, template: PoolTemplate, environment: dict[str, str]
) -> dict[str, Any]:
    placement = template.model_dump(
        mode="json",
        by_alias=True,
        exclude_none=True,
        exclude_defaults=True,
        include={"node_selector", "tolerations", "runtime_class_name", "priority_class_name"},
    )
    if secrets := template.image_pull_secrets or processor.pull_secrets:
        placement["imagePullSecrets"] = [{"name": name} for name in secrets]
    user = {"runAsUser": _USER, "runAsGroup": _USER} if processor.has_fixed_user else {}
    return {
        **placement,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            **user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(processor, template, environment)],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": processor.temporary_size}}],
    }


def _container(
    processor: Processor, template: PoolTemplate, environment: dict[str, str]
) -> dict[str, Any]:
    return {
        "name": names.PROCESSOR_CONTAINER,
        "image": template.image or processor.image,
        "imagePullPolicy": template.image_pull_policy or processor.pull_policy,
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "resources": _resources(processor, template),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePolicy": "File",
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108  # in the container
    }


def _resources(processor: Processor, template: PoolTemplate) -> dict[str, Any]:
    """Return the pool's resources, or what the operator's settings say."""
    if template.resources:
        return template.resources.document()
    return {
        "requests": {"cpu": processor.cpu_request, "memory": processor.memory_request},
        "limits": {"memory": processor.memory_limit},
    }
