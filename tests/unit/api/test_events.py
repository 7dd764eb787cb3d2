"""Positions, handshakes and subscriptions, without a database."""

from datetime import UTC, datetime

import pytest
from darkroom_api.events.event import Event
from darkroom_api.events.handshake import is_origin_allowed, read_hello
from darkroom_api.events.message import Ending, ending_of, farewell
from darkroom_api.events.position import Position
from darkroom_api.events.recent import Recent
from darkroom_api.events.subscription import End, Subscription, SubscriptionEndedError
from hypothesis import given
from hypothesis import strategies as st

POSITIONS = st.builds(Position, st.integers(0, 2**64 - 1), st.integers(0, 2**63 - 1))


def event(number: int) -> Event:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Event(Position(number, number), "task-1", None, "task.progress", {}, now)


@given(POSITIONS)
def test_a_position_is_read_as_it_was_written(position: Position) -> None:
    assert Position.read(str(position)) == position


@given(st.text(max_size=40))
def test_what_is_no_position_is_none(text: str) -> None:
    found = Position.read(text)
    assert found is None or found == Position(*map(int, text.strip().split("-")))


@pytest.mark.parametrize(
    "text",
    ["", "1", "1-", "-1", "1-2-3", "18446744073709551616-1", "1-9223372036854775808", "\u0661-1"],
)
def test_positions_that_postgres_could_not_have_are_none(text: str) -> None:
    assert Position.read(text) is None


@given(st.text(max_size=60))
def test_whatever_comes_first_is_a_token_or_nothing(text: str) -> None:
    token, last = read_hello(text)
    assert token is None or isinstance(token, str)
    assert last is None or isinstance(last, str)


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        (None, True),
        ("https://api.example.com", True),
        ("https://app.example.com", True),
        ("https://app.example.com.evil.com", False),
        ("https://api.example.com:444", False),
        ("null", False),
        ("", False),
    ],
)
def test_an_origin_is_the_apis_own_or_one_that_is_named(
    origin: str | None, *, is_allowed: bool
) -> None:
    headers = {"host": "api.example.com"} | ({} if origin is None else {"origin": origin})
    assert is_origin_allowed(headers, ["https://app.example.com"]) is is_allowed
    assert is_origin_allowed(headers, ["*"])


def test_recent_events_are_all_that_came_after_their_floor() -> None:
    recent = Recent(Position(0, 0))
    for start in range(1, 25_001, 500):
        recent.add([event(number) for number in range(start, start + 500)])
    kept = recent.after(recent.floor)
    assert [e.position.xid for e in kept] == list(range(recent.floor.xid + 1, 25_001))
    assert 5000 <= len(kept) <= 10_500
    assert recent.after(Position(24_999, 24_999)) == [event(25_000)]


async def test_what_was_missed_comes_before_what_happens_and_nothing_twice() -> None:
    async def read_past(after: Position, until: Position) -> list[Event]:
        return [event(n) for n in range(after.xid + 1, min(after.xid + 2, until.xid) + 1)]

    subscription = Subscription(
        after=Position(1, 1), now=Position(6, 6), is_reset=False, read_past=read_past, limit=10
    )
    for number in (7, 8):
        subscription.push(event(number))
    seen: list[int] = []
    while len(seen) < 7:
        seen += [e.position.xid for e in await subscription.next(0.1)]
    assert seen == [2, 3, 4, 5, 6, 7, 8]
    subscription.push(event(8))
    assert await subscription.next(0) == []


async def test_a_full_subscription_keeps_nothing_and_says_so() -> None:
    async def nothing(_after: Position, _until: Position) -> list[Event]:
        return []

    start = Position(0, 0)
    subscription = Subscription(after=start, now=start, is_reset=False, read_past=nothing, limit=3)
    for number in range(1, 6):
        subscription.push(event(number))
    with pytest.raises(SubscriptionEndedError) as ended:
        await subscription.next()
    assert ended.value.end is End.LAGGING
    assert subscription.position == start


@pytest.mark.parametrize("ending", list(Ending))
def test_a_farewell_says_why(ending: Ending) -> None:
    last = farewell(ending, Position(3, 4), "task-1")
    assert ending_of([last]) is ending
    assert b"id: 3-4\n" in last.sse
    assert (b"retry: " in last.sse) is (ending in {Ending.CLOSING, Ending.LAGGING})


def test_batches_of_events_end_nothing() -> None:
    assert ending_of([]) is None
    assert ending_of([event(1)]) is None
