"""The resource that a row becomes."""

from typing import Any

from darkroom_core import names

from darkroom_api.tasks.submission import Claim

MANAGER = "darkroom-api"


def resource_for(claim: Claim) -> dict[str, Any]:
    """Return the ProcessingTask to create."""
    labels = {names.MANAGED_BY_LABEL: MANAGER}
    if claim.owner:
        labels[names.USER_LABEL] = str(claim.owner)
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.TASK.kind,
        "metadata": {"namespace": claim.namespace, "name": claim.name, "labels": labels},
        "spec": claim.spec,
    }
