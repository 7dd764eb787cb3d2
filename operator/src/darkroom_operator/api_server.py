"""The real cluster: the API server's REST interface, as raw JSON.

aiohttp alone, because kopf brings it: the official client's models cost ten times the CPU on this
path, and its import more than a second at each start.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final, Literal

import aiohttp
from darkroom_core import names

from darkroom_operator.cluster import Event, Kind, Page
from darkroom_operator.errors import ClusterError, ExpiredError, RefusedError
from darkroom_operator.login import Credentials, connection
from darkroom_operator.metrics import controller as metrics

_PAGE: Final = 500
_REQUEST_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)
_WATCH_SECONDS: Final = 300

# Bookmarks come every minute: a watch that is silent for longer is dead.
_WATCH_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=120)

# Answers to writes: the object's metadata is all that is read of them.
_METADATA_ONLY: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST: Final = _METADATA_ONLY.replace("Metadata;", "MetadataList;")
_JSON: Final = "application/json"
_APPLY: Final = "application/apply-patch+yaml"

_OURS: Final = f"{names.MANAGED_BY_LABEL}={names.OPERATOR}"
_KINDS: Final[dict[Kind, str]] = {
    "tasks": names.TASK.kind,
    "pools": names.POOL.kind,
    "schedules": names.SCHEDULE.kind,
    "recipes": names.RECIPE.kind,
}
_PLACES: Final[dict[Kind, tuple[str, str]]] = {
    "tasks": (f"/apis/{names.API_VERSION}", names.TASK.plural),
    "pools": (f"/apis/{names.API_VERSION}", names.POOL.plural),
    "schedules": (f"/apis/{names.API_VERSION}", names.SCHEDULE.plural),
    "recipes": (f"/apis/{names.API_VERSION}", names.RECIPE.plural),
    "jobs": ("/apis/batch/v1", "jobs"),
    "pods": ("/api/v1", "pods"),
}


@asynccontextmanager
async def open_api_server(namespace: str) -> "AsyncIterator[ApiServer]":
    """Connect to the cluster that the surroundings name."""
    info = connection()
    connector = aiohttp.TCPConnector(ssl=info.as_ssl_context(), limit=0)
    async with aiohttp.ClientSession(connector=connector, trust_env=info.trust_env) as session:
        yield ApiServer(session, info.server, namespace, Credentials(info))


class ApiServer:
    """One namespace of a Kubernetes cluster, or with an empty name all of them."""

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

    async def pages(self, kind: Kind) -> AsyncIterator[Page]:
        """List a kind, 500 at a time."""
        async for page in self._pages(_path(kind, self._namespace), _selector(kind)):
            yield page

    async def _pages(self, path: str, selector: dict[str, str]) -> AsyncIterator[Page]:
        more = ""
        while True:
            params = {**selector, "limit": str(_PAGE), **({"continue": more} if more else {})}
            status, answer = await self.request("GET", path, params=params, accept=_JSON)
            _expect(status, answer, HTTPStatus.OK)
            yield Page(answer["items"], answer["metadata"]["resourceVersion"])
            more = answer["metadata"].get("continue", "")
            if not more:
                return

    async def watch(self, kind: Kind, version: str) -> AsyncIterator[Event]:
        """Follow a kind."""
        params = {
            **_selector(kind),
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        try:
            async with self._session.get(
                self._server + _path(kind, self._namespace),
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

    async def create(self, kind: Kind, manifest: dict[str, Any]) -> bool:
        """POST it; what has the same name was made by an earlier try."""
        path = _path(kind, manifest["metadata"]["namespace"])
        status, answer = await self.request("POST", path, body=manifest)
        if status in {HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY}:
            raise RefusedError(answer.get("message", "no reason was given"))
        _expect(status, answer, HTTPStatus.CREATED, HTTPStatus.CONFLICT)
        return status == HTTPStatus.CREATED

    async def write_status(  # noqa: PLR0913  # whose, which, and on what condition
        self,
        kind: Kind,
        namespace: str,
        name: str,
        uid: str,
        status: dict[str, Any],
        *,
        version: str = "",
    ) -> str | None:
        """Apply the status on the server's side: fields that we no longer set go away."""
        body = {
            "apiVersion": names.API_VERSION,
            "kind": _KINDS[kind],
            # With the UID in it, a namesake that came later is refused with a conflict.
            "metadata": {
                "name": name,
                "uid": uid,
                **({"resourceVersion": version} if version else {}),
            },
            "status": status,
        }
        code, answer = await self.request(
            "PATCH",
            f"{_path(kind, namespace)}/{name}/status",
            body=body,
            content_type=_APPLY,
            params={"fieldManager": names.OPERATOR, "force": "true"},
        )
        if code in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
            return None
        _expect(code, answer, HTTPStatus.OK)
        written: str = answer["metadata"]["resourceVersion"]
        return written

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """Delete in the background: the garbage collector takes what it owns."""
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid},
        }
        status, answer = await self.request("DELETE", f"{_path(kind, namespace)}/{name}", body=body)
        gone = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
        _expect(status, answer, HTTPStatus.OK, HTTPStatus.ACCEPTED, *gone)

    async def delete_children(
        self, kind: Literal["jobs", "pods"], namespace: str, uids: Sequence[str]
    ) -> None:
        """Delete them by their labels, in one request, in the background."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        selector = f"{_OURS},{names.TASK_UID_LABEL} in ({','.join(uids)})"
        status, answer = await self.request(
            "DELETE",
            _path(kind, namespace),
            body=body,
            params={"labelSelector": selector},
            accept=_METADATA_LIST,
        )
        _expect(status, answer, HTTPStatus.OK)

    async def complaints(self, namespace: str) -> dict[str, str]:
        """Read the Events about Jobs; they are asked for where something is amiss."""
        path = f"/api/v1/namespaces/{namespace}/events"
        params = {"fieldSelector": "involvedObject.kind=Job,type=Warning"}
        events = [event async for page in self._pages(path, params) for event in page.items]
        events.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        return {event["involvedObject"]["uid"]: event.get("message", "") for event in events}

    async def tell(self, event: dict[str, Any]) -> None:
        """POST an Event."""
        path = f"/apis/events.k8s.io/v1/namespaces/{event['metadata']['namespace']}/events"
        status, answer = await self.request("POST", path, body=event)
        _expect(status, answer, HTTPStatus.CREATED)

    async def request(  # noqa: PLR0913  # the parts of a request
        self,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | None = None,
        params: dict[str, str] | None = None,
        content_type: str = _JSON,
        accept: str = _METADATA_ONLY,
    ) -> tuple[int, dict[str, Any]]:
        """Send one request; return the answer's status and its JSON. Raises ClusterError."""
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


def _path(kind: Kind, namespace: str) -> str:
    group, plural = _PLACES[kind]
    return f"{group}/namespaces/{namespace}/{plural}" if namespace else f"{group}/{plural}"


def _selector(kind: Kind) -> dict[str, str]:
    return {"labelSelector": _OURS} if kind in {"jobs", "pods"} else {}


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
