"""Single objects of the API server, by their path: the few that serving a metric needs."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final, Protocol

import aiohttp
from darkroom_core import names

from darkroom_operator.errors import ClusterError
from darkroom_operator.login import Credentials, connection
from darkroom_operator.metrics.controller import REQUESTS

Raw = dict[str, Any]

_TIMEOUT: Final = aiohttp.ClientTimeout(total=15)
_JSON: Final = "application/json"
_MERGE: Final = "application/merge-patch+json"
_APPLY: Final = "application/apply-patch+yaml"


class Objects(Protocol):
    """Objects that are read and written one at a time; every method may raise ClusterError."""

    async def get(self, path: str) -> Raw | None:
        """Return the object, or None where there is none."""
        ...

    async def create(self, path: str, manifest: Raw) -> bool:
        """Create in the collection at `path`; False where the name is taken."""
        ...

    async def patch(self, path: str, patch: Raw) -> bool:
        """Merge into the object; False where its resourceVersion is another than the patch's."""
        ...


class ApiObjects:
    """The objects of a real API server."""

    def __init__(
        self, session: aiohttp.ClientSession, server: str, credentials: Credentials
    ) -> None:
        self._session = session
        self._server = server.rstrip("/")
        self._credentials = credentials

    async def get(self, path: str) -> Raw | None:
        """Return the object, or None where there is none."""
        status, answer = await self._request("GET", path)
        if status == HTTPStatus.NOT_FOUND:
            return None
        return _expected(status, answer, HTTPStatus.OK)

    async def create(self, path: str, manifest: Raw) -> bool:
        """Create in the collection at `path`; False where the name is taken."""
        status, answer = await self._request("POST", path, manifest, _JSON)
        _expected(status, answer, HTTPStatus.CREATED, HTTPStatus.CONFLICT)
        return status == HTTPStatus.CREATED

    async def patch(self, path: str, patch: Raw) -> bool:
        """Merge into the object; False where its resourceVersion is another than the patch's."""
        status, answer = await self._request("PATCH", path, patch, _MERGE)
        _expected(status, answer, HTTPStatus.OK, HTTPStatus.CONFLICT)
        return status == HTTPStatus.OK

    async def apply(self, path: str, manifest: Raw, manager: str) -> None:
        """Make the object what the manifest says, on the server's side; what others set is won."""
        query = f"?fieldManager={manager}&force=true"
        status, answer = await self._request("PATCH", path + query, manifest, _APPLY)
        _expected(status, answer, HTTPStatus.OK, HTTPStatus.CREATED)

    async def _request(
        self, method: str, path: str, body: Raw | None = None, content_type: str = _JSON
    ) -> tuple[int, Raw]:
        headers = {**self._credentials.headers(), "Accept": _JSON, "User-Agent": names.OPERATOR}
        try:
            async with self._session.request(
                method,
                self._server + path,
                data=None if body is None else json.dumps(body).encode(),
                headers={**headers, "Content-Type": content_type},
                timeout=_TIMEOUT,
            ) as response:
                REQUESTS.labels(response.status, method, response.url.host).inc()
                return response.status, _document(await response.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ClusterError(f"the API server did not answer: {error!r}") from error


@asynccontextmanager
async def open_objects() -> AsyncIterator[ApiObjects]:
    """Connect to the cluster that the surroundings name."""
    info = connection()
    connector = aiohttp.TCPConnector(ssl=info.as_ssl_context())
    async with aiohttp.ClientSession(connector=connector, trust_env=info.trust_env) as session:
        yield ApiObjects(session, info.server or "", Credentials(info))


def _document(text: bytes) -> Raw:
    try:
        answer = json.loads(text)
    except ValueError:
        return {"message": text[:200].decode(errors="replace")}
    return answer if isinstance(answer, dict) else {"message": str(answer)}


def _expected(status: int, answer: Raw, *expected: HTTPStatus) -> Raw:
    if status not in expected:
        raise ClusterError(f"the API server answered {status}: {answer.get('message', '')}")
    return answer
