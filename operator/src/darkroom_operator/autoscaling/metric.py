"""The documents of `external.metrics.k8s.io/v1beta1`: what is asked, and what is answered."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from darkroom_core import names

GROUP_VERSION: Final = "external.metrics.k8s.io/v1beta1"
API_SERVICE: Final = "v1beta1.external.metrics.k8s.io"
METRIC: Final = "darkroom_pool_backlog"
LABEL: Final = "pool"

Document = dict[str, Any]

_REASONS: Final = {
    HTTPStatus.BAD_REQUEST: "BadRequest",
    HTTPStatus.UNAUTHORIZED: "Unauthorized",
    HTTPStatus.NOT_FOUND: "NotFound",
    HTTPStatus.METHOD_NOT_ALLOWED: "MethodNotAllowed",
    HTTPStatus.SERVICE_UNAVAILABLE: "ServiceUnavailable",
}


class SelectorError(Exception):
    """The label selector asks for something that this metric does not have."""


def selected_pool(selector: str) -> str | None:
    """Return the pool that a selector names, or None where it selects all."""
    pools = set()
    for requirement in filter(None, map(str.strip, selector.split(","))):
        label, equals, value = requirement.partition("=")
        if not equals or label.strip() != LABEL:
            raise SelectorError(
                f"{requirement!r} is not understood: {METRIC} is selected by {LABEL}=NAME"
            )
        pools.add(value.removeprefix("=").strip())
    if len(pools) > 1:
        raise SelectorError(f"a pool has one name, {selector!r} asks for {len(pools)}")
    return pools.pop() if pools else None


def of_pools(backlogs: Mapping[str, int], pool: str | None) -> dict[str, int]:
    """Return what is selected. Never nothing: the autoscaler takes an empty list for an error."""
    if pool is not None:
        return {pool: backlogs.get(pool, 0)}
    return dict(backlogs) or {names.DEFAULT_POOL: 0}


def values(backlogs: Mapping[str, int], at: datetime) -> Document:
    """Render the backlogs as they were at a time."""
    return {
        "kind": "ExternalMetricValueList",
        "apiVersion": GROUP_VERSION,
        "metadata": {},
        "items": [
            {
                "metricName": METRIC,
                "metricLabels": {LABEL: pool},
                "timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "value": str(count),
            }
            for pool, count in sorted(backlogs.items())
        ],
    }


def discovery() -> Document:
    """Render what this API has; kube-apiserver asks for it to see whether we are there."""
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": GROUP_VERSION,
        "resources": [
            {
                "name": METRIC,
                "singularName": "",
                "namespaced": True,
                "kind": "ExternalMetricValueList",
                "verbs": ["get"],
            }
        ],
    }


def openapi() -> Document:
    """Render a description of nothing: without one kube-apiserver logs an error each minute."""
    return {"swagger": "2.0", "info": {"title": METRIC, "version": "v1beta1"}, "paths": {}}


def failure(code: int, message: str) -> Document:
    """Render an error as Kubernetes does."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": _REASONS.get(HTTPStatus(code), "InternalError"),
        "code": code,
    }
