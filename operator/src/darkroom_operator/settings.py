"""The operator's settings: read once from the environment, then passed down."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal

from darkroom_core.assignment import Limits
from darkroom_core.logs import LogSettings
from darkroom_core.storage import StorageSettings
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from darkroom_operator.autoscaling.settings import AutoscalingSettings

Port = Annotated[int, Field(ge=0, le=65535)]
Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|Ki|Mi|Gi)?$")]


class Settings(BaseSettings):
    """What the operator can be told."""

    model_config = SettingsConfigDict(
        env_prefix="DARKROOM_", env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    namespace: str = Field(
        description="The operator's own namespace; its tasks, Jobs and pods are served."
    )
    all_namespaces: bool = Field(
        default=False, description="Whether the tasks of all other namespaces are served too."
    )
    identity: str = Field(
        "",
        description="Who this replica is among several, the same after a restart of its container; "
        "empty for the host's name, which is the pod's.",
    )
    database_url: SecretStr = Field(
        description="Postgres, as `postgresql://user:password@host:5432/database`."
    )
    storage: StorageSettings = Field(
        description="Where bytes live; signed URLs are made from it. The same as the API's."
    )

    processor_image: str = Field(description="The image of the processor.")
    processor_pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        "IfNotPresent", description="When the kubelet pulls the processor's image."
    )
    processor_pull_secrets: list[str] = Field(
        default_factory=list,
        description="Names of Secrets (a JSON list) that let the image be pulled, where a pool "
        "names none.",
    )
    processor_fixed_user: bool = Field(
        default=True,
        description="Whether processors run as user 65532; false where the cluster gives each "
        "namespace users of its own.",
    )
    processor_cpu_request: Quantity = Field("100m", description="CPU that a processor reserves.")
    processor_memory_request: Quantity = Field(
        "128Mi", description="Memory that a processor reserves."
    )
    processor_memory_limit: Quantity = Field(
        "1Gi", description="Memory above which a processor is killed, and its try counts as failed."
    )
    processor_temporary_size: Quantity = Field(
        "1Gi",
        description="Size of a processor's `/tmp`: sources, and videos and archives that are "
        "made, have to fit into it together.",
    )

    allowed_source_networks: list[IPv4Network | IPv6Network] = Field(
        default_factory=list,
        description="Networks (a JSON list of CIDRs) that a source URL may reach although they "
        "are not public.",
    )
    limits: Limits = Field(
        default_factory=Limits, description="What a processor refuses to exceed."
    )

    autoscaling: AutoscalingSettings = Field(
        default_factory=AutoscalingSettings, description="The metric that pools are scaled by."
    )

    workers: Annotated[int, Field(ge=1, le=256)] = Field(
        64, description="How many tasks are reconciled at the same time."
    )
    resync_seconds: Annotated[float, Field(gt=0)] = Field(
        120, description="Seconds between two looks at everything."
    )
    liveness_port: Port = Field(8080, description="Port of `/livez`.")
    metrics_port: Port = Field(9090, description="Port of `/metrics`.")
    log: LogSettings = Field(default_factory=LogSettings, description="What is logged, and how.")

    @property
    def watched(self) -> str:
        """The namespace that is watched; empty for all."""
        return "" if self.all_namespaces else self.namespace
