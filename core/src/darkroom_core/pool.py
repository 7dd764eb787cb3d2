"""The ProcessorPool resource: how many tasks run at once, and what their pods look like."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from darkroom_core.conditions import Condition
from darkroom_core.schema import Document

Quantity = Annotated[
    str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$", max_length=32)
]
Label = Annotated[str, Field(max_length=63)]


class Resources(Document):
    """A container's requests and limits."""

    requests: dict[str, Quantity] = Field(
        default_factory=dict, description="What is reserved, by resource: cpu, memory and so on."
    )
    limits: dict[str, Quantity] = Field(
        default_factory=dict, description="What it may not exceed, by resource."
    )


class Toleration(Document):
    """A taint that the pool's pods may be scheduled in spite of, as in a pod's spec."""

    key: Annotated[str, Field(max_length=317)] | None = Field(None, description="The taint's key.")
    operator: Literal["Exists", "Equal"] = Field("Equal", description="How value is compared.")
    value: Label | None = Field(None, description="The taint's value.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        None, description="The taint's effect; absent for all."
    )
    toleration_seconds: int | None = Field(
        None, description="With NoExecute: seconds after which the pod is evicted all the same."
    )


class PoolTemplate(Document):
    """What a pool's pods look like. What is absent is as the operator's settings say."""

    image: Annotated[str, Field(min_length=1, max_length=512)] | None = Field(
        None, description="An image that honours the processor contract; see the docs."
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        None, description="When the kubelet pulls the image."
    )
    image_pull_secrets: Annotated[list[str], Field(max_length=16)] = Field(
        default_factory=list, description="Names of Secrets that let the image be pulled."
    )
    resources: Resources | None = Field(None, description="The processor's requests and limits.")
    node_selector: dict[str, Label] = Field(
        default_factory=dict, description="Labels that a node must have."
    )
    tolerations: Annotated[list[Toleration], Field(max_length=32)] = Field(
        default_factory=list, description="Taints that do not keep its pods away."
    )
    runtime_class_name: Annotated[str, Field(max_length=253)] | None = Field(
        None, description="A RuntimeClass, for a sandbox such as gVisor."
    )
    priority_class_name: Annotated[str, Field(max_length=253)] | None = Field(
        None, description="A PriorityClass of the cluster's scheduler."
    )


class PoolSpec(Document):
    """How many tasks of the pool run at once, in what order, and in what pods."""

    replicas: Annotated[int, Field(ge=0, le=100_000)] = Field(
        10,
        description="Most tasks of the pool that run at once. A HorizontalPodAutoscaler may set "
        "it.",
    )
    suspend: bool = Field(
        default=False, description="While true no try is started; what runs ends by itself."
    )
    weights: dict[str, Annotated[int, Field(ge=1, le=1000)]] = Field(
        default_factory=dict,
        description="Shares of the pool, by the value of the label darkroom.dev/user. A user that "
        "is not named has 1.",
    )
    ageing_seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(
        300, description="Seconds of waiting that raise a task by one priority."
    )
    template: PoolTemplate = Field(
        default_factory=PoolTemplate, description="What the pool's pods look like."
    )


class PoolStatus(Document):
    """What the pool does now. Written by the operator alone."""

    observed_generation: int | None = Field(
        None,
        description="The generation of the spec that this status is about.",
        json_schema_extra={"format": "int64"},
    )
    replicas: int = Field(0, description="How many tasks may run at once, as last taken over.")
    selector: str | None = Field(None, description="Selects the pool's pods.", max_length=253)
    running: int = Field(0, description="Tasks that hold a place.")
    waiting: int = Field(0, description="Tasks in the cluster that wait for a place.")
    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=8,
        description="Ready: whether the pool is at work as its spec says.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )


class ProcessorPool(Document):
    """A pool, as the API server has it."""

    model_config = ConfigDict(extra="ignore")

    spec: PoolSpec = PoolSpec()
    status: PoolStatus = PoolStatus()
