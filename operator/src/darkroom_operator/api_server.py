"""The real cluster: the API server's REST interface, as raw JSON.

aiohttp alone, because kopf brings it: the official client's models cost ten times the CPU on this
path, and its import more than a second at each start.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from darkroom_core import names
from darkroom_core.task import TaskStatus

from darkroom_operator import metrics
from darkroom_operator.cluster import Event, Kind, Listing
from darkroom_operator.errors import ClusterError, ExpiredError, RefusedError
from darkroom_operator.login import Credentials, connection
from darkroom_operator.task import Task

_PAGE: Final = 500
_REQUEST_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)
_WATCH_SECONDS: Final = 300

# Bookmarks come every minute: a watch that is silent for longer is dead.
_WATCH_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=120)

# Answers to writes: the object's metadata is all that is read of them.
_METADATA_ONLY: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_JSON: Final = "application/json"
_APPLY: Final = "application/apply-patch+yaml"

_SELECTOR: Final = f"{names.MANAGED_BY_LABEL}={names.OPERATOR}"
_GROUPS: Final[dict[Kind, str]] = {"jobs": "/apis/batch/v1", "pods": "/api/v1"}


@asynccontextmanager
async def open_api_server(namespace: str) -> "AsyncIterator[ApiServer]":
    """Connect to the cluster that the surroundings name."""
    info = connection()
    connector = aiohttp.TCPConnector(ssl=info.as_ssl_context(), limit=0)
    async with aiohttp.ClientSession(connector=connector, trust_env=info.trust_env) as session:
        yield ApiServer(session, info.server, namespace, Credentials(info))


class ApiServer:
    """One namespace of a Kubernetes cluster."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        server: str,
        namespace: str,
        credentials: Credentials | None = None,
    ) -> None:
        self._session = session
        self._server = server.rstrip("/")
        self._namespace = namespace
        self._credentials = credentials

    async def tasks(self) -> AsyncIterator[dict[str, Any]]:
        """List the tasks, page by page."""
        async for page in self._pages(self._path(f"/apis/{names.API_VERSION}", names.PLURAL), {}):
            for item in page["items"]:
                yield item

    async def create_job(self, manifest: dict[str, Any]) -> None:
        """POST the Job; one of the same name is the same Job, made by an earlier try."""
        path = self._path(_GROUPS["jobs"], "jobs")
        status, answer = await self._request("POST", path, body=manifest)
        if status in {HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY}:
            raise RefusedError(answer.get("message", "no reason was given"))
        _expect(status, answer, HTTPStatus.CREATED, HTTPStatus.CONFLICT)

    async def write_status(self, task: Task, status: TaskStatus) -> str | None:
        """Apply the status on the server's side: fields that we no longer set go away."""
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            # With the UID in it, a namesake that came later is refused with a conflict.
            "metadata": {"name": task.metadata.name, "uid": task.uid},
            "status": status.document(),
        }
        code, answer = await self._request(
            "PATCH",
            f"{self._task_path(task)}/status",
            body=body,
            content_type=_APPLY,
            params={"fieldManager": names.OPERATOR, "force": "true"},
        )
        if code in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
            return None
        _expect(code, answer, HTTPStatus.OK)
        version: str = answer["metadata"]["resourceVersion"]
        return version

    async def delete_task(self, task: Task) -> None:
        """Delete in the background: the garbage collector takes the Job and the pods."""
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": task.uid},
        }
        status, answer = await self._request("DELETE", self._task_path(task), body=body)
        gone = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
        _expect(status, answer, HTTPStatus.OK, HTTPStatus.ACCEPTED, *gone)

    async def children(self, kind: Kind) -> Listing:
        """List what carries our label, page by page."""
        items: list[dict[str, Any]] = []
        version = ""
        path = self._path(_GROUPS[kind], kind)
        async for page in self._pages(path, {"labelSelector": _SELECTOR}):
            items += page["items"]
            version = page["metadata"]["resourceVersion"]
        return Listing(items, version)

    async def watch_children(self, kind: Kind, version: str) -> AsyncIterator[Event]:
        """Follow what carries our label."""
        params = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "labelSelector": _SELECTOR,
            "resourceVersion": version,
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        try:
            async with self._session.get(
                self._server + self._path(_GROUPS[kind], kind),
                params=params,
                headers=self._headers(_JSON),
                timeout=_WATCH_TIMEOUT,
            ) as response:
                self._count(response)
                if response.status != HTTPStatus.OK:
                    raise _error(response.status, await _body(response))
                async for line in _lines(response.content):
                    yield _event(json.loads(line))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ClusterError(f"the watch of {kind} broke off: {error!r}") from error

    async def _pages(self, path: str, params: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
        more = ""
        while True:
            page = {**params, "limit": str(_PAGE), **({"continue": more} if more else {})}
            status, answer = await self._request("GET", path, params=page, accept=_JSON)
            _expect(status, answer, HTTPStatus.OK)
            yield answer
            more = answer["metadata"].get("continue", "")
            if not more:
                return

    async def _request(  # noqa: PLR0913  # the parts of a request
        self,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | None = None,
        params: dict[str, str] | None = None,
        content_type: str = _JSON,
        accept: str = _METADATA_ONLY,
    ) -> tuple[int, dict[str, Any]]:
        try:
            async with self._session.request(
                method,
                self._server + path,
                params=params,
                data=None if body is None else json.dumps(body).encode(),
                headers={**self._headers(accept), "Content-Type": content_type},
                timeout=_REQUEST_TIMEOUT,
            ) as response:
                self._count(response)
                return response.status, await _body(response)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ClusterError(f"the API server did not answer: {error!r}") from error

    def _headers(self, accept: str) -> dict[str, str]:
        authorisation = self._credentials.headers() if self._credentials else {}
        return {**authorisation, "Accept": accept, "User-Agent": names.OPERATOR}

    def _count(self, response: aiohttp.ClientResponse) -> None:
        metrics.REQUESTS.labels(response.status, response.method, response.url.host).inc()

    def _path(self, group: str, plural: str) -> str:
        return f"{group}/namespaces/{self._namespace}/{plural}"

    def _task_path(self, task: Task) -> str:
        return self._path(f"/apis/{names.API_VERSION}", f"{names.PLURAL}/{task.metadata.name}")


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Split into lines of any length; aiohttp's own readline gives up at its buffer's size."""
    rest: list[bytes] = []
    async for chunk in stream.iter_any():
        first, *others = chunk.split(b"\n")
        rest.append(first)
        for other in others:
            yield b"".join(rest)
            rest = [other]


def _event(raw: dict[str, Any]) -> Event:
    if raw["type"] == "ERROR":
        raise _error(raw["object"].get("code", 0), raw["object"])
    return Event(raw["type"], raw["object"])


async def _body(response: aiohttp.ClientResponse) -> dict[str, Any]:
    text = await response.read()
    try:
        answer = json.loads(text)
    except ValueError:
        return {"message": text[:200].decode(errors="replace")}
    return answer if isinstance(answer, dict) else {"message": str(answer)}


def _expect(status: int, answer: dict[str, Any], *expected: HTTPStatus) -> None:
    if status not in expected:
        raise _error(status, answer)


def _error(status: int, answer: dict[str, Any]) -> ClusterError:
    message = f"the API server answered {status}: {answer.get('message', '')}"
    return ExpiredError(message) if status == HTTPStatus.GONE else ClusterError(message)
