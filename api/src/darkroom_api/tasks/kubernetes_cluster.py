"""A real cluster, by its API server."""

import re
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

import aiohttp
from darkroom_core import names
from kubernetes.aio.client import ApiClient, CustomObjectsApi, V1DeleteOptions
from kubernetes.aio.client.exceptions import ApiException

from darkroom_api.kubeconfig import find_cluster
from darkroom_api.tasks.cluster import (
    ChangedError,
    Cluster,
    ClusterUnavailableError,
    ExistsError,
    Json,
    RefusedError,
)
from darkroom_api.tasks.refusals import causes_of, refusal_of

if TYPE_CHECKING:
    from kubernetes.aio.client import CoreV1Api

_TIMEOUT_SECONDS: Final = 5.0
_LOG_SECONDS: Final = 600.0
_PAGE: Final = 500
_MOST_PODS: Final = 1000
_PROCESSORS: Final = f"{names.MANAGED_BY_LABEL}={names.OPERATOR},{names.COMPONENT_LABEL}=processor"
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_REFUSED: Final = {400, 413, 422}
_GONE: Final = {404, 409}


class KubernetesCluster:
    """A real one."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._objects = CustomObjectsApi(client)

    async def create_task(self, body: dict[str, Any]) -> str:
        """Create it, or find that a lost answer was a yes."""
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        try:
            created = await self._objects.create_namespaced_custom_object(
                *(names.GROUP, names.VERSION, namespace, names.TASK.plural, body),
                _request_timeout=_TIMEOUT_SECONDS,
            )
        except ApiException as error:
            if error.status == 409:  # noqa: PLR2004
                return await self._existing(namespace, name, body["metadata"]["labels"])
            raise _translated(error) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ClusterUnavailableError(_sentence(error)) from error
        return _uid(created)

    @cached_property
    def _pods(self) -> "CoreV1Api":
        # Its module takes 109 MB, which a replica that nobody asks for pods need not have.
        from kubernetes.aio.client import CoreV1Api  # noqa: PLC0415

        return CoreV1Api(self._client)

    async def processor_pods(self, namespace: str) -> list[dict[str, Any]]:
        """List them, as many as there may be in one answer."""
        answer = await self._read(
            self._pods.list_namespaced_pod(
                namespace,
                label_selector=_PROCESSORS,
                limit=_MOST_PODS,
                _request_timeout=_TIMEOUT_SECONDS,
            )
        )
        # The client's model is turned back into what the API server said.
        found: dict[str, Any] = self._client.sanitize_for_serialization(answer or {})  # type: ignore[no-untyped-call]
        return found.get("items") or []

    async def create(self, kind: names.Kind, body: Json) -> Json:
        """Create it; unknown fields are refused too."""
        with _answers(conflict=ExistsError):
            created = await self._objects.create_namespaced_custom_object(
                *(names.GROUP, names.VERSION, body["metadata"]["namespace"], kind.plural, body),
                field_validation="Strict",
                _request_timeout=_TIMEOUT_SECONDS,
            )
        return cast("Json", created)

    async def replace(self, kind: names.Kind, body: Json) -> Json:
        """Write it over the one with the same resourceVersion."""
        metadata = body["metadata"]
        where = (metadata["namespace"], kind.plural, metadata["name"])
        with _answers(conflict=ChangedError):
            written = await self._objects.replace_namespaced_custom_object(
                *(names.GROUP, names.VERSION, *where, body),
                field_validation="Strict",
                _request_timeout=_TIMEOUT_SECONDS,
            )
        return cast("Json", written)

    async def delete(self, kind: names.Kind, namespace: str, name: str, *, uid: str | None) -> None:
        """Delete it, and what belongs to it, in the background."""
        preconditions = {"uid": uid} if uid else None
        # A conflict: there is a resource of this name, but not this one.
        with suppress(ChangedError), _answers(conflict=ChangedError):
            await self._objects.delete_namespaced_custom_object(
                *(names.GROUP, names.VERSION, namespace, kind.plural, name),
                body=V1DeleteOptions(preconditions=preconditions, propagation_policy="Background"),
                _request_timeout=_TIMEOUT_SECONDS,
            )

    async def one(self, kind: names.Kind, namespace: str, name: str) -> Json | None:
        """Read it."""
        if not _NAME.fullmatch(name):
            return None
        return await self._read(
            self._objects.get_namespaced_custom_object(
                *(names.GROUP, names.VERSION, namespace, kind.plural, name),
                _request_timeout=_TIMEOUT_SECONDS,
            )
        )

    async def all(self, kind: names.Kind, namespace: str, *, labels: str = "") -> list[Json]:
        """List them page by page."""
        items: list[Json] = []
        token = None
        while True:
            page = await self._read(
                self._objects.list_namespaced_custom_object(
                    *(names.GROUP, names.VERSION, namespace, kind.plural),
                    label_selector=labels or None,
                    limit=_PAGE,
                    _continue=token,
                    _request_timeout=_TIMEOUT_SECONDS,
                )
            )
            items += (page or {}).get("items") or []
            token = ((page or {}).get("metadata") or {}).get("continue")
            if not token:
                return items

    async def log(
        self, namespace: str, pod: str, *, lines: int, most: int, follow: bool
    ) -> AsyncIterator[bytes] | None:
        """Ask the API server, which asks the pod's node."""
        try:
            response = await self._pods.read_namespaced_pod_log_without_preload_content(
                pod,
                namespace,
                container=names.PROCESSOR_CONTAINER,
                tail_lines=lines,
                limit_bytes=None if follow else most,
                follow=follow,
                _request_timeout=_LOG_SECONDS if follow else _TIMEOUT_SECONDS,
            )
        except ApiException as error:
            # 400: its container has not started.
            if error.status in {400, 404}:
                return None
            raise ClusterUnavailableError(_sentence(error)) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ClusterUnavailableError(_sentence(error)) from error
        if response.status in {400, 404}:
            response.release()
            return None
        if response.status != 200:  # noqa: PLR2004
            response.release()
            raise ClusterUnavailableError(f"{response.status}: no log of {pod}")
        return _parts(response, most)

    async def _read(self, request: Awaitable[object]) -> dict[str, Any] | None:
        try:
            return cast("dict[str, Any]", await request)
        except ApiException as error:
            if error.status == 404:  # noqa: PLR2004
                return None
            raise ClusterUnavailableError(_sentence(error)) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ClusterUnavailableError(_sentence(error)) from error

    async def _existing(self, namespace: str, name: str, labels: dict[str, str]) -> str:
        found = await self.one(names.TASK, namespace, name)
        if found is None:
            raise ClusterUnavailableError(f"{name} was there and is gone")
        theirs = found["metadata"].get("labels") or {}
        if any(theirs.get(label) != value for label, value in labels.items()):
            raise RefusedError(f"a resource that Darkroom did not make is called {name}")
        return _uid(found)


@asynccontextmanager
async def open_cluster() -> AsyncIterator[Cluster]:
    """Connect as the pod's service account, or as kubectl would."""
    async with ApiClient(await find_cluster()) as client:
        yield KubernetesCluster(client)


@contextmanager
def _answers(*, conflict: type[Exception]) -> Iterator[None]:
    try:
        yield
    except ApiException as error:
        if error.status in _GONE:
            raise conflict from error
        raise _translated(error) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ClusterUnavailableError(_sentence(error)) from error


async def _parts(response: aiohttp.ClientResponse, most: int) -> AsyncIterator[bytes]:
    """Yield what comes, `most` bytes of it; a connection that ends is the end of the log."""
    left = most
    try:
        with suppress(aiohttp.ClientError, TimeoutError):
            async for part in response.content.iter_any():
                yield part[:left]
                left -= len(part)
                if left <= 0:
                    return
    finally:
        response.close()


def _translated(error: ApiException) -> Exception:
    if error.status in _REFUSED:
        body = error.body or error.reason or "refused"
        return RefusedError(refusal_of(body), causes_of(body))
    return ClusterUnavailableError(_sentence(error))


def _sentence(error: Exception) -> str:
    if isinstance(error, ApiException):
        return f"{error.status}: {refusal_of(error.body or error.reason or '')}"
    return str(error) or type(error).__name__


def _uid(resource: object) -> str:
    uid: str = cast("dict[str, Any]", resource)["metadata"]["uid"]
    return uid
