"""The settings of the metric that pools are scaled by."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]


class AutoscalingSettings(BaseModel):
    """Whether and how this process serves `external.metrics.k8s.io`."""

    model_config = ConfigDict(frozen=True)

    embedded: bool = Field(
        default=False,
        description="Whether to be the cluster's `external.metrics.k8s.io` API, for the backlog.",
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(6443, description="Port of that API.")
    service: Name = Field(
        "darkroom-external-metrics",
        description="The Service through which the API server reaches that port.",
    )
    secret: Name = Field(
        "darkroom-external-metrics-tls",
        description="The Secret of its certificate; made and renewed by the operator.",
    )
