"""The resource that a row becomes."""

from typing import Any

from darkroom_core import names

from darkroom_api.tasks.submission import Claim

MANAGER = "darkroom-api"


def resource_for(claim: Claim, traceparent: str | None) -> dict[str, Any]:
    """Return the ProcessingTask to create; its work belongs to the span that is given."""
    labels = {names.MANAGED_BY_LABEL: MANAGER}
    if claim.owner:
        labels[names.USER_LABEL] = str(claim.owner)
    metadata: dict[str, Any] = {
        "namespace": claim.namespace,
        "name": claim.name,
        "labels": labels,
    }
    if traceparent:
        metadata["annotations"] = {names.TRACEPARENT_ANNOTATION: traceparent}
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.TASK.kind,
        "metadata": metadata,
        "spec": claim.spec,
    }
