"""Conditions follow from the state alone; transition times from changes alone."""

from datetime import UTC, datetime, timedelta

import pytest
from darkroom_core.conditions import Condition, Reason, State, conditions_for

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)


def fold(state: State, previous: list[Condition], now: datetime) -> dict[str, Condition]:
    conditions = conditions_for(
        state, Reason.RUNNING, "A story.", generation=3, previous=previous, now=now
    )
    return {condition.type: condition for condition in conditions}


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING])
def test_an_unfinished_task_is_reconciling_and_its_success_unknown(state: State) -> None:
    found = {name: condition.status for name, condition in fold(state, [], NOON).items()}
    assert found == {"Ready": "False", "Reconciling": "True", "Succeeded": "Unknown"}


def test_success_is_ready_and_nothing_abnormal_remains() -> None:
    found = {name: condition.status for name, condition in fold(State.SUCCEEDED, [], NOON).items()}
    assert found == {"Ready": "True", "Succeeded": "True"}


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELED, State.EXPIRED])
def test_what_ended_badly_is_stalled(state: State) -> None:
    found = {name: condition.status for name, condition in fold(state, [], NOON).items()}
    assert found == {"Ready": "False", "Stalled": "True", "Succeeded": "False"}


def test_a_transition_time_changes_only_with_the_status() -> None:
    queued = list(fold(State.QUEUED, [], NOON).values())
    running = fold(State.RUNNING, queued, LATER)
    assert {c.last_transition_time for c in running.values()} == {NOON}
    done = fold(State.SUCCEEDED, list(running.values()), LATER)
    assert {c.last_transition_time for c in done.values()} == {LATER}


def test_every_condition_names_the_generation_it_is_about() -> None:
    assert {c.observed_generation for c in fold(State.QUEUED, [], NOON).values()} == {3}
