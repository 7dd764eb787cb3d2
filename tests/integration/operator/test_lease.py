"""The Lease against a real API server: one holder at a time, and a takeover in time."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from darkroom_cluster.cluster import Cluster
from darkroom_operator.api_server import ApiServer, open_api_server
from darkroom_operator.lease import Lease, LostError, Times

TIMES = Times(duration=2, renew_deadline=1.2, attempt=0.4, retry=0.1)


@pytest.fixture
async def api(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ApiServer]:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    async with open_api_server("default") as server:
        yield server


@pytest.fixture
def name() -> str:
    return f"lease-{uuid.uuid4().hex[:8]}"


def lease(api: ApiServer, name: str, holder: str) -> Lease:
    return Lease(api, "default", name, holder, TIMES)


async def test_of_two_only_one_gets_it(api: ApiServer, name: str) -> None:
    both = [asyncio.create_task(lease(api, name, holder).acquire()) for holder in ("a", "b")]
    done, waiting = await asyncio.wait(both, timeout=1)
    assert (len(done), len(waiting)) == (1, 1)
    for task in waiting:
        task.cancel()


async def test_what_is_renewed_is_not_taken_over(api: ApiServer, name: str) -> None:
    first = lease(api, name, "a")
    await first.acquire()
    keeping = asyncio.create_task(first.keep())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(4):
            await lease(api, name, "b").acquire()
    assert not keeping.done()
    keeping.cancel()


async def test_what_is_not_renewed_is_taken_over_after_its_time(api: ApiServer, name: str) -> None:
    await lease(api, name, "a").acquire()
    started = asyncio.get_running_loop().time()
    async with asyncio.timeout(10):
        await lease(api, name, "b").acquire()
    assert asyncio.get_running_loop().time() - started >= TIMES.duration


async def test_the_same_pod_gets_its_own_back_at_once(api: ApiServer, name: str) -> None:
    await lease(api, name, "a").acquire()
    async with asyncio.timeout(1.5):
        await lease(api, name, "a").acquire()


async def test_what_is_given_up_is_free_at_once(api: ApiServer, name: str) -> None:
    first = lease(api, name, "a")
    await first.acquire()
    await first.release()
    async with asyncio.timeout(1.5):
        await lease(api, name, "b").acquire()


class Deaf:
    """The API server, but one request is never answered, although it was carried out."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self.is_deaf = False

    async def request(self, method: str, path: str, **rest: Any) -> tuple[int, dict[str, Any]]:
        answer = await self._api.request(method, path, **rest)
        if self.is_deaf:
            self.is_deaf = False
            await asyncio.Event().wait()
        return answer


async def test_an_answer_that_never_comes_does_not_cost_the_lease(
    api: ApiServer, name: str
) -> None:
    deaf = Deaf(api)
    first = Lease(deaf, "default", name, "a", TIMES)
    await first.acquire()
    keeping = asyncio.create_task(first.keep())
    deaf.is_deaf = True
    await asyncio.sleep(2 * TIMES.renew_deadline)
    assert not deaf.is_deaf
    assert not keeping.done()
    keeping.cancel()


async def test_who_has_lost_it_is_told_before_it_acts_on(api: ApiServer, name: str) -> None:
    first = lease(api, name, "a")
    await first.acquire()
    path = f"/apis/coordination.k8s.io/v1/namespaces/default/leases/{name}"
    _, held = await api.request("GET", path, accept="application/json")
    held["spec"]["holderIdentity"] = "b"
    await api.request("PUT", path, body=held)
    with pytest.raises(LostError):
        async with asyncio.timeout(5):
            await first.keep()
