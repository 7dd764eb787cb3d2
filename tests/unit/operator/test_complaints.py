"""What Kubernetes complains of is asked seldom, however many want to know."""

import asyncio

import pytest
from darkroom_operator.complaints import Complaints
from darkroom_operator.errors import ClusterError
from darkroom_operator.testing import FakeCluster, raw_job


class Clock:
    """Stands still until it is told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cluster() -> FakeCluster:
    cluster = FakeCluster()
    cluster.put("jobs", raw_job())
    cluster.complaint = "exceeded quota"
    return cluster


@pytest.fixture
def complaints(cluster: FakeCluster, clock: Clock) -> Complaints:
    return Complaints(cluster, clock)


async def test_nothing_is_known_before_it_is_asked(
    complaints: Complaints, cluster: FakeCluster
) -> None:
    (uid,) = cluster.objects["jobs"]
    assert not complaints.about("media", uid)
    await complaints.ask("media")
    assert complaints.about("media", uid) == "exceeded quota"
    assert not complaints.about("elsewhere", uid)
    assert not complaints.about("media", "another")


async def test_of_many_who_ask_at_once_one_does(
    complaints: Complaints, cluster: FakeCluster
) -> None:
    await asyncio.gather(*(complaints.ask("media") for _ in range(100)))
    assert cluster.asked == 1


async def test_it_is_asked_again_after_a_while(
    complaints: Complaints, cluster: FakeCluster, clock: Clock
) -> None:
    (uid,) = cluster.objects["jobs"]
    await complaints.ask("media")
    cluster.complaint = "forbidden"
    clock.now = 4.9
    await complaints.ask("media")
    assert complaints.about("media", uid) == "exceeded quota"
    clock.now = 5.1
    await complaints.ask("media")
    assert complaints.about("media", uid) == "forbidden"


async def test_an_answer_that_takes_long_is_asked_for_less_often(clock: Clock) -> None:
    class Slow(FakeCluster):
        async def complaints(self, namespace: str) -> dict[str, str]:
            clock.now += 2
            return await super().complaints(namespace)

    slow = Slow()
    complaints = Complaints(slow, clock)
    await complaints.ask("media")
    clock.now = 101
    await complaints.ask("media")
    assert slow.asked == 1
    clock.now = 103
    await complaints.ask("media")
    assert slow.asked == 2


async def test_a_question_that_fails_is_asked_again(
    complaints: Complaints, cluster: FakeCluster
) -> None:
    cluster.is_away = True
    with pytest.raises(ClusterError):
        await complaints.ask("media")
    cluster.is_away = False
    await complaints.ask("media")
    assert cluster.asked == 1
