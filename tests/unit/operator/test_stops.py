import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest
from darkroom_operator.stops import AT_ONCE, MOST, Stops
from darkroom_operator.testing import FakeCluster, raw_job, raw_pod, running


def holding(cluster: FakeCluster, count: int) -> list[str]:
    """Put a Job and a pod of each of so many tasks into the cluster; return the tasks' UIDs."""
    names = [f"t{number:03}" for number in range(count)]
    for name in names:
        cluster.put("jobs", raw_job(name))
        cluster.put("pods", raw_pod(name, state=running()))
    return [f"uid-{name}" for name in names]


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
async def stops(cluster: FakeCluster) -> AsyncIterator[Stops]:
    stops = Stops(cluster)
    running = asyncio.create_task(stops.run())
    await asyncio.sleep(0)
    yield stops
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110  # what is waited for tells nobody
            await asyncio.sleep(0.005)


def is_empty(cluster: FakeCluster) -> bool:
    return not cluster.objects["jobs"] and not cluster.objects["pods"]


async def test_a_single_task_is_stopped_at_once_its_job_before_its_pod(
    cluster: FakeCluster, stops: Stops
) -> None:
    kept, stopped = holding(cluster, 2)
    stops.submit("media", stopped)
    await until(lambda: len(cluster.writes) == 2)
    assert cluster.writes == ["delete jobs of 1 in media", "delete pods of 1 in media"]
    for kind in ("jobs", "pods"):
        (left,) = cluster.objects[kind].values()
        assert left["metadata"]["labels"]["darkroom.dev/task-uid"] == kept


async def test_many_go_together_and_none_is_left(cluster: FakeCluster, stops: Stops) -> None:
    count = 500
    for uid in holding(cluster, count):
        stops.submit("media", uid)
        stops.submit("media", uid)
    await until(lambda: is_empty(cluster))
    requests = [int(write.split()[3]) for write in cluster.writes]
    assert max(requests) <= MOST
    assert sum(requests) == 2 * count
    assert len(requests) <= 2 * (count // MOST + AT_ONCE)


async def test_each_namespace_is_asked_for_its_own(cluster: FakeCluster, stops: Stops) -> None:
    for number, uid in enumerate(holding(cluster, 20)):
        stops.submit("media" if number % 2 else "print", uid)
    await until(lambda: is_empty(cluster))
    asked = {write.split()[5]: 0 for write in cluster.writes}
    for write in cluster.writes:
        asked[write.split()[5]] += int(write.split()[3])
    assert asked == {"media": 20, "print": 20}


async def test_what_the_api_server_does_not_take_is_sent_again(
    cluster: FakeCluster, stops: Stops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("darkroom_operator.stops._AGAIN_SECONDS", 0.01)
    cluster.is_away = True
    (uid,) = holding(cluster, 1)
    stops.submit("media", uid)
    await asyncio.sleep(0.05)
    assert not is_empty(cluster)
    cluster.is_away = False
    await until(lambda: is_empty(cluster))
    stops.submit("media", uid)
    await until(lambda: len(cluster.writes) == 4)
