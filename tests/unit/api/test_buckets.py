"""What a limit says of itself, and how permits are given away; Postgres is a function here."""

import asyncio

import pytest
from darkroom_api.limits.address import address_of
from darkroom_api.limits.bucket import Level, Policy, policy_of
from darkroom_api.limits.lease import Leases, give_back
from darkroom_api.limits.quota import QuotaOverride, Usage, override_of, refusal
from darkroom_api.limits.route_class import RouteClass
from darkroom_api.limits.settings import Preset, QuotaSettings

MODERATE = Policy("read", 20, 10)


class Bucket:
    """A bucket that never fills up, and counts how often it is asked."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self.asked: list[int] = []

    async def take(self, _key: str, _policy: Policy, wanted: int) -> tuple[int, float]:
        self.asked.append(wanted)
        await asyncio.sleep(0)
        granted = min(wanted, self.tokens)
        self.tokens -= granted
        return granted, self.tokens


@pytest.mark.parametrize(
    ("preset", "burst", "per_second"),
    [
        (Preset.STRICT, 3, 0.1),
        (Preset.CONSERVATIVE, 10, 5),
        (Preset.MODERATE, 20, 10),
        (Preset.GENEROUS, 100, 50),
    ],
)
def test_presets_are_a_burst_and_a_rate(preset: Preset, burst: int, per_second: float) -> None:
    assert Policy("write", burst, per_second) == policy_of(preset, RouteClass.WRITE)


def test_no_limit_is_no_policy() -> None:
    assert policy_of(Preset.NONE, RouteClass.READ) is None


def test_headers_say_the_burst_and_the_time_in_which_it_fills_up() -> None:
    assert MODERATE.header == '"read";q=20;w=2'
    assert Level(MODERATE, held=2, left=3.0, seconds=0).header == '"read";r=5;t=2'


def test_without_anything_left_the_header_says_when_to_come_back() -> None:
    strict = Policy("auth", 3, 0.1)
    level = Level(strict, held=0, left=0.5, seconds=0)
    assert level.header == '"auth";r=0;t=5'
    assert level.seconds_to_next == 5


async def test_permits_are_taken_in_lots_of_a_tenth_of_the_burst() -> None:
    bucket = Bucket(100)
    leases = Leases(bucket.take)
    policy = Policy("read", 100, 50)
    admitted = [(await leases.permit("k", policy))[1] for _ in range(100)]
    assert all(admitted)
    assert bucket.asked == [10] * 10


async def test_more_are_taken_at_once_where_more_are_waiting_and_never_more_than_the_burst() -> (
    None
):
    bucket = Bucket(1000)
    leases = Leases(bucket.take)
    policy = Policy("read", 10, 5)
    got = await asyncio.gather(*(leases.permit("k", policy) for _ in range(30)))
    assert all(admitted for _, admitted in got)
    assert max(bucket.asked) <= 10
    assert len(bucket.asked) <= 5


async def test_an_empty_bucket_is_not_asked_again_before_it_can_have_filled_up() -> None:
    bucket = Bucket(0)
    now = 0.0
    leases = Leases(bucket.take, lambda: now)
    policy = Policy("auth", 3, 0.1)
    for _ in range(50):
        assert not (await leases.permit("k", policy))[1]
    assert len(bucket.asked) == 1
    now = 10.1
    await leases.permit("k", policy)
    assert len(bucket.asked) == 2


async def test_what_was_not_used_is_given_back() -> None:
    leases = Leases(Bucket(1).take, lambda: 0.0)
    policy = Policy("auth", 3, 0.1)
    for _ in range(5):
        lease, admitted = await leases.permit("k", policy)
        assert admitted
        give_back(lease)


async def test_whoever_leaves_while_permits_are_fetched_leaves_no_lock_behind() -> None:
    bucket = Bucket(5)
    leases = Leases(bucket.take)
    leaving = asyncio.create_task(leases.permit("k", MODERATE))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await leases.permit("k", MODERATE))[1]


@pytest.mark.parametrize(
    ("client", "counted"),
    [
        (("192.0.2.7", 1), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::/64"),
        (("2001:db8:1:2::9", 1), "2001:db8:1:2::/64"),
        (("::ffff:192.0.2.7", 1), "192.0.2.7"),
        (("/run/socket", 0), "/run/socket"),
        (None, "unknown"),
    ],
)
def test_ipv6_is_counted_by_networks_of_64_bits(
    client: tuple[str, int] | None, counted: str
) -> None:
    assert counted == address_of({"client": client})


def test_a_users_own_quota_goes_over_that_of_the_settings() -> None:
    settings = QuotaSettings(tasks_per_day=5, bytes_stored=10, tasks_at_once=None)
    own = QuotaOverride(tasks_per_day=None, tasks_at_once=3)
    assert own.over(settings) == QuotaSettings(tasks_per_day=None, bytes_stored=10, tasks_at_once=3)


def test_a_quota_that_nobody_can_read_changes_nothing() -> None:
    assert override_of({"tasks_per_day": "many"}) == QuotaOverride()


@pytest.mark.parametrize(
    ("wanted", "policy"),
    [
        (Usage(tasks_per_day=3, bytes_stored=10, tasks_at_once=2), None),
        (Usage(tasks_per_day=4, bytes_stored=0, tasks_at_once=0), "tasks_per_day"),
        (Usage(tasks_per_day=0, bytes_stored=11, tasks_at_once=0), "bytes_stored"),
        (Usage(tasks_per_day=0, bytes_stored=0, tasks_at_once=3), "tasks_at_once"),
    ],
)
def test_the_first_quota_that_is_exceeded_is_named(wanted: Usage, policy: str | None) -> None:
    found = refusal(QuotaSettings(tasks_per_day=3, bytes_stored=10, tasks_at_once=2), wanted)
    assert policy == (found.policy if found else None)
