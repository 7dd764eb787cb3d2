"""Kubernetes: whether it answers, and allows exactly what the API does there."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

import aiohttp
from darkroom_core import names
from kubernetes.aio.client import (
    ApiClient,
    AuthorizationV1Api,
    V1ResourceAttributes,
    V1SelfSubjectAccessReview,
    V1SelfSubjectAccessReviewSpec,
)
from kubernetes.aio.client.exceptions import ApiException

from darkroom_api.doctor.clock import compared
from darkroom_api.doctor.finding import Finding, failed, ok, sentence, skipped
from darkroom_api.errors import CommandError
from darkroom_api.kubeconfig import find_cluster

_SECONDS: Final = 5.0


class Right(NamedTuple):
    """One thing that the API does in its namespace."""

    group: str
    resource: str
    verb: str
    subresource: str = ""

    def __str__(self) -> str:
        below = f"/{self.subresource}" if self.subresource else ""
        return f"{self.verb} {self.resource}{below}"


RIGHTS: Final = (
    *(Right(names.GROUP, names.TASK.plural, verb) for verb in ("create", "get", "delete")),
    *(
        Right(names.GROUP, kind.plural, verb)
        for kind in (names.RECIPE, names.SCHEDULE)
        for verb in ("create", "get", "list", "update", "delete")
    ),
    Right("", "pods", "list"),
    Right("", "pods", "get", "log"),
)
"""What the chart's Role grants, no more and no less: a test compares them."""


async def check_cluster(namespace: str) -> AsyncIterator[Finding]:
    """Ask the API server who may do what, and what time it is."""
    try:
        configuration = await find_cluster()
    except CommandError as error:
        yield failed("cluster", str(error), "run this in the API's pod, or set KUBECONFIG")
        yield skipped("cluster rights", "there is no way to Kubernetes")
        yield skipped("clock of the cluster", "there is no way to Kubernetes")
        return
    async with ApiClient(configuration) as client:
        reviews = AuthorizationV1Api(client)
        refused: list[Right] = []
        before, date = datetime.now(UTC), None
        try:
            for right in RIGHTS:
                before = datetime.now(UTC)
                is_allowed, date = await _asked(reviews, namespace, right)
                if not is_allowed:
                    refused.append(right)
        except ApiException as error:
            yield failed(
                "cluster",
                f"{configuration.host} answered {error.status} {error.reason}",
                "the credentials are not accepted: mount the service account's token, "
                "or renew the kubeconfig",
            )
            yield skipped("cluster rights", "nobody could be asked")
            return
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            yield failed(
                "cluster",
                f"{configuration.host}: {sentence(error)}",
                "let this pod reach the API server (NetworkPolicy), or correct KUBECONFIG",
            )
            yield skipped("cluster rights", "nobody could be asked")
            return
        yield ok("cluster", f"{configuration.host} answers")
        yield _rights(namespace, refused)
        if date is not None:
            yield compared(
                "clock of the cluster", theirs=date, before=before, after=datetime.now(UTC)
            )


def _rights(namespace: str, refused: list[Right]) -> Finding:
    if refused:
        return failed(
            "cluster rights",
            f"may not {', '.join(str(right) for right in refused)} in {namespace}",
            "bind the chart's Role darkroom-api to this service account (helm upgrade restores "
            "it), and see that DARKROOM_NAMESPACE is the release's namespace",
        )
    return ok("cluster rights", f"all {len(RIGHTS)} in {namespace}")


async def _asked(
    reviews: AuthorizationV1Api, namespace: str, right: Right
) -> tuple[bool, datetime | None]:
    body = V1SelfSubjectAccessReview(
        spec=V1SelfSubjectAccessReviewSpec(
            resource_attributes=V1ResourceAttributes(
                namespace=namespace,
                group=right.group,
                resource=right.resource,
                verb=right.verb,
                subresource=right.subresource or None,
            )
        )
    )
    answer = await reviews.create_self_subject_access_review_with_http_info(
        body, _request_timeout=_SECONDS
    )
    status, date = answer.data.status, (answer.headers or {}).get("Date")
    return bool(status and status.allowed), parsedate_to_datetime(date) if date else None
