"""The API server as a benchmark speaks to it: raw JSON, so that looking costs little."""

import base64
import json
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import aiohttp
from darkroom_core import names

MERGE: Final = "application/merge-patch+json"
TASKS: Final = (f"/apis/{names.API_VERSION}", names.TASK.plural)
POOLS: Final = (f"/apis/{names.API_VERSION}", names.POOL.plural)
JOBS: Final = ("/apis/batch/v1", "jobs")
PODS: Final = ("/api/v1", "pods")
_JSON: Final = "application/json"
_CONNECTIONS: Final = 64
_PAGE: Final = 500
_ERRORS: Final = 400
_NOT_FOUND: Final = 404

Kind = tuple[str, str]
"""The path of a kind's group, and the kind's plural."""


class Api:
    """One namespace of a cluster."""

    def __init__(self, session: aiohttp.ClientSession, server: str, namespace: str) -> None:
        self._session = session
        self._server = server
        self.namespace = namespace

    def path(self, kind: Kind, *rest: str) -> str:
        """Return the path of a kind's objects in the namespace, or of one of them."""
        group, plural = kind
        return "/".join([group, "namespaces", self.namespace, plural, *rest])

    async def call(
        self, method: str, path: str, body: object = None, *, content_type: str = _JSON
    ) -> dict[str, Any]:
        """Return the answer; an object that is gone is an empty answer, and not an error."""
        async with self._session.request(
            method,
            self._server + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": content_type},
        ) as response:
            text = await response.read()
        if response.status == _NOT_FOUND:
            return {}
        if response.status >= _ERRORS:
            msg = f"{method} {path}: {response.status} {text.decode()[:500]}"
            raise RuntimeError(msg)
        answer: dict[str, Any] = json.loads(text)
        return answer

    async def create(self, kind: Kind, manifest: dict[str, Any]) -> dict[str, Any]:
        """POST an object."""
        return await self.call("POST", self.path(kind), manifest)

    async def patch(self, kind: Kind, name: str, body: dict[str, Any], *sub: str) -> dict[str, Any]:
        """Merge into an object, or into one of its subresources."""
        return await self.call("PATCH", self.path(kind, name, *sub), body, content_type=MERGE)

    async def delete(self, kind: Kind, name: str) -> None:
        """Delete an object, and in the background what it owns."""
        await self.call("DELETE", self.path(kind, name), {"propagationPolicy": "Background"})

    async def items(self, path: str) -> list[dict[str, Any]]:
        """List all objects at a path."""
        items: list[dict[str, Any]] = []
        more = ""
        while True:
            page = await self.call("GET", f"{path}?limit={_PAGE}&continue={more}")
            items += page["items"]
            more = page["metadata"].get("continue", "")
            if not more:
                return items

    async def metrics(self) -> str:
        """Return the API server's own metrics."""
        async with self._session.get(self._server + "/metrics") as response:
            return await response.text()

    async def watch(self, kind: Kind) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Yield type and object of whatever is there and happens, for ever.

        The API server drops a watcher that does not keep up: the watch goes on where it was.
        """
        version = ""
        while True:
            with suppress(aiohttp.ClientPayloadError):
                async for event in self._watch_once(kind, version):
                    if event["type"] == "ERROR":
                        version = ""
                        break
                    version = event["object"]["metadata"]["resourceVersion"]
                    yield event["type"], event["object"]

    async def _watch_once(self, kind: Kind, version: str) -> AsyncIterator[dict[str, Any]]:
        timeout = aiohttp.ClientTimeout(total=None, sock_read=None)
        url = f"{self._server}{self.path(kind)}?watch=true&resourceVersion={version}"
        async with self._session.get(url, timeout=timeout) as response:
            rest = b""
            async for chunk in response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield json.loads(line)


@asynccontextmanager
async def open_api(kubeconfig: Path, namespace: str) -> AsyncIterator[Api]:
    """Connect as the user of a kubeconfig of ours, which is JSON: by a certificate or a token."""
    config = json.loads(kubeconfig.read_text())  # noqa: ASYNC240  # nothing else runs yet
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    tls = ssl.create_default_context(cadata=authority)
    headers = {}
    if "token" in user:
        headers["Authorization"] = f"Bearer {user['token']}"
    else:
        _load(tls, user)
    connector = aiohttp.TCPConnector(ssl=tls, limit=_CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        yield Api(session, cluster["server"], namespace)


def _load(tls: ssl.SSLContext, user: dict[str, str]) -> None:
    with tempfile.NamedTemporaryFile() as pem:
        pem.write(base64.b64decode(user["client-certificate-data"]))
        pem.write(base64.b64decode(user["client-key-data"]))
        pem.flush()
        tls.load_cert_chain(pem.name)
