from collections import Counter
from datetime import timedelta

from darkroom_core.task import Priority
from darkroom_operator.admission import Admission, Claim, Terms
from darkroom_operator.testing import at
from hypothesis import given
from hypothesis import strategies as st

NOW = at("12:00:00")


class Ward:
    """An admission whose turns are written down."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.turns: list[str] = []
        self.now = NOW
        self.admission = Admission(lambda _: self.terms, self.turns.append)
        self.running: dict[str, Claim] = {}

    def claim(
        self,
        uid: str,
        user: str = "u",
        priority: Priority = Priority.DEFAULT,
        age: float = 0,
        *,
        holds: bool = False,
    ) -> bool:
        claim = Claim("p", user, priority, NOW - timedelta(seconds=age), holds)
        return self.admission.note(uid, claim, self.now)

    def end(self, uid: str) -> None:
        self.admission.drop(uid, self.now)

    def order(self, first: str, count: int) -> list[str]:
        """Return the order of starts when each task ends before the next starts."""
        self.end(first)
        while len(self.turns) < count:
            self.end(self.turns[-1])
        return self.turns


def test_as_many_run_as_there_are_places() -> None:
    ward = Ward(Terms(2))
    assert [ward.claim(uid) for uid in "abc"] == [True, True, False]
    ward.end("a")
    assert ward.turns == ["c"]
    assert ward.claim("c")
    assert ward.admission.counts("p") == (2, 0)


def test_what_holds_a_place_keeps_it_when_there_are_fewer() -> None:
    ward = Ward(Terms(2))
    for uid in "abc":
        ward.claim(uid)
    ward.terms = Terms(1)
    assert ward.claim("a", holds=True)
    ward.end("a")
    assert ward.turns == []
    ward.end("b")
    assert ward.turns == ["c"]


def test_what_ran_before_a_restart_is_counted_before_anything_starts() -> None:
    ward = Ward(Terms(1))
    ward.admission.put("old", Claim("p", "u", Priority.LOW, NOW, holds=True))
    assert not ward.claim("new", priority=Priority.CRITICAL)


def test_a_higher_priority_goes_first_and_then_the_older() -> None:
    ward = Ward(Terms(1))
    ward.claim("first")
    ward.claim("low", priority=Priority.LOW, age=50)
    ward.claim("younger", age=10)
    ward.claim("older", age=20)
    ward.claim("critical", priority=Priority.CRITICAL)
    assert ward.order("first", 4) == ["critical", "older", "younger", "low"]


def test_waiting_raises_a_task_by_a_class_for_each_ageing_time() -> None:
    ward = Ward(Terms(1, ageing_seconds=60))
    ward.claim("first")
    ward.claim("low", user="a", priority=Priority.LOW, age=120)
    ward.claim("critical", user="b", priority=Priority.CRITICAL)
    assert ward.order("first", 2) == ["low", "critical"]


@given(st.integers(1, 3), st.integers(30, 90))
def test_a_low_task_is_never_starved(places: int, ageing: int) -> None:
    ward = Ward(Terms(places, ageing_seconds=ageing))
    ward.claim("low", user="patient", priority=Priority.LOW, age=-1)
    ward.end("low")
    for number in range(places):
        ward.claim(f"0-{number}", priority=Priority.CRITICAL)
    ward.claim("low", user="patient", priority=Priority.LOW)
    for second in range(1, 3 * ageing):
        ward.now = NOW + timedelta(seconds=second)
        ward.admission.note(
            f"{second}-0", Claim("p", "busy", Priority.CRITICAL, ward.now, holds=False), ward.now
        )
        oldest = [turn for turn in ward.turns if turn != "low"]
        ward.end(oldest[-1] if oldest else f"0-{second % places}")
    assert "low" in ward.turns


@given(st.lists(st.integers(1, 5), min_size=2, max_size=4))
def test_users_share_by_their_weights_whatever_the_length_of_their_queues(
    weights: list[int],
) -> None:
    users = {f"user-{number}": weight for number, weight in enumerate(weights)}
    ward = Ward(Terms(1, weights=users))
    ward.claim("first", user="other")
    for number, user in enumerate(users):
        for task in range(60 * (number + 1)):
            ward.claim(f"{user}/{task}", user=user)
    rounds = 10
    starts = Counter(uid.partition("/")[0] for uid in ward.order("first", rounds * sum(weights)))
    for user, weight in users.items():
        assert abs(starts[user] - rounds * weight) <= 2


def test_who_comes_late_gets_no_more_than_a_share() -> None:
    ward = Ward(Terms(1))
    ward.claim("first", user="a")
    for number in range(20):
        ward.claim(f"a/{number}", user="a")
    ward.order("first", 10)
    for number in range(10):
        ward.claim(f"b/{number}", user="b")
    ward.order(ward.turns[-1], 20)
    assert Counter(uid[0] for uid in ward.turns[10:20]) == {"a": 5, "b": 5}


def test_a_place_that_is_given_back_goes_to_the_next() -> None:
    ward = Ward(Terms(1))
    assert ward.claim("a")
    ward.claim("b")
    ward.admission.give_back("a")
    assert not ward.claim("a", age=-1)
    assert ward.turns == ["b"]


def test_a_task_that_claims_nothing_any_more_makes_room() -> None:
    ward = Ward(Terms(1))
    ward.claim("a")
    ward.claim("b")
    assert not ward.admission.note("a", None, NOW)
    ward.claim("b")
    assert ward.admission.counts("p") == (1, 0)
