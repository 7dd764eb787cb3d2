"""One active operator among several: a Lease, taken and renewed as client-go does it.

Whoever holds it is active. The others watch for it to go unrenewed, by their own clocks alone: the
times in the Lease are for people. A process that cannot renew in time ends itself, sooner than
anybody else may take over.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, Protocol

from darkroom_operator.errors import ClusterError
from darkroom_operator.metrics import controller as metrics

_LOG: Final = logging.getLogger(__name__)
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Times:
    """In seconds. A takeover comes at most `duration` + `retry` after the last renewal."""

    duration: float = 12
    renew_deadline: float = 9.5
    attempt: float = 5
    """Longest time for one try to renew: a lost answer must not be waited for too long."""
    retry: float = 1


class Requests(Protocol):
    """The API server, as far as a Lease needs it."""

    async def request(
        self, method: str, path: str, *, body: dict[str, Any] | None = None, accept: str = _JSON
    ) -> tuple[int, dict[str, Any]]:
        """Send one request; return status and JSON."""


class LostError(Exception):
    """The Lease could not be renewed in time: another operator may be active now."""


class Lease:
    """The Lease of this name, for the holder with this identity."""

    def __init__(
        self, api: Requests, namespace: str, name: str, identity: str, times: Times = Times()
    ) -> None:
        self._api = api
        self._leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._metadata = {"name": name, "namespace": namespace}
        self._identity = identity
        self._times = times
        self._seen: dict[str, Any] = {}
        self._seen_at = 0.0

    async def acquire(self) -> None:
        """Wait until it is ours."""
        metrics.IS_LEADER.set(0)
        is_told = False
        while not await self._try():
            if not is_told:
                holder = self._seen.get("holderIdentity", "nobody we know")
                _LOG.info("standing by: %s is active", holder)
                is_told = True
            await asyncio.sleep(self._times.retry)
        metrics.IS_LEADER.set(1)
        _LOG.info("this operator is active now")

    async def keep(self) -> None:
        """Renew it for ever. Raises LostError."""
        renewed_at = time.monotonic()
        while True:
            await asyncio.sleep(self._times.retry)
            left = renewed_at + self._times.renew_deadline - time.monotonic()
            try:
                async with asyncio.timeout(max(min(left, self._times.attempt), 0.01)):
                    began = time.monotonic()
                    if await self._try():
                        renewed_at = began
            except TimeoutError:
                pass
            if time.monotonic() - renewed_at >= self._times.renew_deadline:
                raise LostError("the Lease was not renewed in time")

    async def release(self) -> None:
        """Give it up, so that nobody has to wait until it runs out."""
        if self._seen.get("holderIdentity") == self._identity:
            await self._put({**self._spec(), "holderIdentity": "", "leaseDurationSeconds": 1})

    async def _try(self) -> bool:
        """Take or renew it, if it may be ours; return whether it is."""
        try:
            if self._seen.get("holderIdentity") == self._identity and await self._put(self._spec()):
                return True
            status, answer = await self._api.request(
                "GET", f"{self._leases}/{self._metadata['name']}", accept=_JSON
            )
            if status == HTTPStatus.NOT_FOUND:
                return await self._create()
            if status != HTTPStatus.OK:
                _LOG.warning("the Lease cannot be read: %s %s", status, answer.get("message"))
                return False
            self._look(answer)
            return self._is_free() and await self._put(self._spec())
        except ClusterError as error:
            _LOG.warning("the Lease: %s", error)
            return False

    def _look(self, answer: dict[str, Any]) -> None:
        spec = answer.get("spec") or {}
        if spec != self._seen:
            self._seen, self._seen_at = spec, time.monotonic()
        self._metadata = {
            **self._metadata,
            "resourceVersion": answer["metadata"]["resourceVersion"],
        }

    def _is_free(self) -> bool:
        holder = self._seen.get("holderIdentity")
        duration = self._seen.get("leaseDurationSeconds") or self._times.duration
        return holder in {None, "", self._identity} or time.monotonic() - self._seen_at > duration

    def _spec(self) -> dict[str, Any]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        is_ours = self._seen.get("holderIdentity") == self._identity
        transitions = self._seen.get("leaseTransitions") or 0
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._times.duration),
            "acquireTime": self._seen.get("acquireTime", now) if is_ours else now,
            "renewTime": now,
            "leaseTransitions": transitions if is_ours else transitions + 1,
        }

    async def _create(self) -> bool:
        metadata = {key: self._metadata[key] for key in ("name", "namespace")}
        return await self._send("POST", self._leases, metadata, self._spec())

    async def _put(self, spec: dict[str, Any]) -> bool:
        # With the resource version in it, of two who write at once only one succeeds.
        path = f"{self._leases}/{self._metadata['name']}"
        return await self._send("PUT", path, self._metadata, spec)

    async def _send(
        self, method: str, path: str, metadata: dict[str, Any], spec: dict[str, Any]
    ) -> bool:
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": spec,
        }
        status, answer = await self._api.request(method, path, body=body, accept=_JSON)
        if status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            if status != HTTPStatus.CONFLICT:
                _LOG.warning("the Lease is refused: %s %s", status, answer.get("message"))
            return False
        self._look(answer)
        return True
