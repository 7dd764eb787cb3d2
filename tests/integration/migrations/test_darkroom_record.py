"""darkroom_record, the function that the operator writes by, on a real Postgres."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

Observation = dict[str, Any]
Connection = psycopg.Connection[dict[str, Any]]

SPEC = {"source": {"url": "https://example.com/a.jpg"}, "outputs": [{"name": "a", "format": "png"}]}
ERROR = {"code": "corrupt_image", "message": "The file ends early.", "retryable": False}
OUTPUTS = [{"name": "a", "format": "png", "width": 1, "height": 1, "bytes": 9, "sha256": "0" * 64}]


@pytest.fixture
def db(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


def observed(uid: str, **more: object) -> Observation:
    return {"namespace": "media", "name": f"by-hand-{uid[:4]}", "uid": uid, **more}


def record(db: Connection, *observations: Observation) -> list[bool]:
    rows = db.execute(
        "SELECT darkroom_record(o) AS changed FROM jsonb_array_elements(%s) AS o",
        [Jsonb(list(observations))],
    ).fetchall()
    return [row["changed"] for row in rows]


def row_of(db: Connection, uid: str) -> dict[str, Any]:
    row = db.execute("SELECT * FROM tasks WHERE uid = %s", [uid]).fetchone()
    assert row
    return row


def queue(db: Connection, name: str) -> None:
    """As the API does: a row whose id is the name of the resource to come."""
    db.execute(
        "INSERT INTO tasks (id, namespace, name, spec) VALUES (%s, 'media', %s, %s)",
        [name, name, Jsonb(SPEC)],
    )


def new_uid() -> str:
    return str(uuid.uuid4())


def test_a_task_written_by_hand_gets_a_row_named_by_its_uid(db: Connection) -> None:
    uid = new_uid()
    assert record(db, observed(uid, spec=SPEC, created_at="2026-01-01T00:00:00Z")) == [True]

    row = row_of(db, uid)
    assert row["id"] == "task-" + uid.replace("-", "")
    assert (row["owner"], row["status"], row["spec"]) == (None, "queued", SPEC)
    assert row["created_at"].isoformat() == "2026-01-01T00:00:00+00:00"


def test_the_row_that_the_api_queued_is_found_by_its_name(db: Connection) -> None:
    queue(db, "task-01")
    uid = new_uid()

    assert record(db, observed(uid, name="task-01", status="running", attempts=1)) == [True]

    assert row_of(db, uid)["id"] == "task-01"
    assert row_of(db, uid)["status"] == "running"


def test_a_used_name_does_not_take_over_the_row_of_another_resource(db: Connection) -> None:
    queue(db, "task-01")
    first, forged, elsewhere = new_uid(), new_uid(), new_uid()
    record(db, observed(first, name="task-01", status="succeeded", outputs=OUTPUTS))
    before = row_of(db, first)

    record(db, observed(forged, name="task-01", status="failed", error=ERROR))
    queue(db, "task-02")
    record(db, observed(elsewhere, name="task-02", namespace="other", status="failed"))

    assert before == row_of(db, first)
    assert row_of(db, forged)["id"] == "task-" + forged.replace("-", "")
    assert row_of(db, elsewhere)["id"] == "task-" + elsewhere.replace("-", "")


def test_a_row_written_by_hand_is_not_taken_over_by_a_resource_named_like_it(
    db: Connection,
) -> None:
    first, forged = new_uid(), new_uid()
    record(db, observed(first))
    before = row_of(db, first)

    record(db, observed(forged, name=before["id"], status="failed"))

    assert before == row_of(db, first)


def test_success_is_recorded_with_its_outputs_and_full_progress(db: Connection) -> None:
    uid = new_uid()
    times = {"started_at": "2026-01-01T00:00:01Z", "finished_at": "2026-01-01T00:00:02Z"}
    record(db, observed(uid, status="succeeded", outputs=OUTPUTS, error=None, job="j", **times))

    row = row_of(db, uid)
    assert (row["status"], row["progress"], row["outputs"]) == ("succeeded", 100, OUTPUTS)
    assert (row["error"], row["job"]) == (None, "j")
    assert (row["finished_at"] - row["started_at"]).total_seconds() == 1


def test_a_resource_that_is_gone_is_canceled_only_if_it_was_unfinished(db: Connection) -> None:
    unfinished, finished, unknown = new_uid(), new_uid(), new_uid()
    record(db, observed(unfinished, status="running"), observed(finished, status="failed"))

    gone = {"status": "canceled", "finished_at": "2026-01-01T00:00:00Z"}
    changed = record(db, *(observed(uid, **gone) for uid in (unfinished, finished, unknown)))

    assert changed == [True, False, True]
    assert row_of(db, unfinished)["status"] == "canceled"
    assert row_of(db, finished)["status"] == "failed"
    assert row_of(db, unknown)["status"] == "canceled"


def test_a_change_is_announced_and_a_replay_is_not(db: Connection) -> None:
    uid = new_uid()
    db.execute("LISTEN darkroom_tasks")
    record(db, observed(uid, status="running"))
    record(db, observed(uid, status="running"))
    record(db, observed(uid, status="queued"))

    announced = [notice.payload for notice in db.notifies(timeout=0.3)]

    assert announced == [row_of(db, uid)["id"]]


def a_try(number: int, pod: str, **more: object) -> Observation:
    return {"number": number, "pod": pod, "job": f"j-{number}", "disrupted": False, **more}


def test_tries_are_gathered_by_pod_and_one_that_has_ended_stays_so(db: Connection) -> None:
    uid = new_uid()
    started = {"node": "n1", "startedAt": "2026-01-01T00:00:05Z"}
    ended = {**started, "finishedAt": "2026-01-01T00:00:07Z", "exitCode": 75, "error": ERROR}
    lists = [
        [a_try(1, "one")],
        [a_try(1, "one", **started)],
        [a_try(1, "one", **ended), a_try(1, "again", startedAt="2026-01-01T00:00:06Z")],
        # The status has dropped the oldest, and a late answer knows less.
        [a_try(1, "one", node=None), a_try(2, "two")],
        [a_try(2, "two", **started)],
    ]
    changed = [record(db, observed(uid, status="running", tries=tries))[0] for tries in lists]

    assert changed == [True] * 5
    assert row_of(db, uid)["tries"] == [
        a_try(1, "one", **ended),
        a_try(1, "again", startedAt="2026-01-01T00:00:06Z"),
        a_try(2, "two", **started),
    ]
    assert record(db, *(observed(uid, tries=tries) for tries in lists)) == [False] * 5
    assert record(db, observed(uid, tries=None), observed(uid, tries=[])) == [False] * 2


def test_a_dead_letter_stays_one(db: Connection) -> None:
    uid, canceled = new_uid(), new_uid()
    record(db, observed(uid, status="failed", dead_lettered=True, error=ERROR))
    assert record(db, observed(uid, status="failed", dead_lettered=False)) == [False]
    assert row_of(db, uid)["dead_lettered"] is True

    # What was canceled is not to be replayed, whatever is found out about it later.
    record(db, observed(canceled, status="canceled"))
    record(db, observed(canceled, status="failed", dead_lettered=True))
    assert row_of(db, canceled)["dead_lettered"] is False


def test_the_reason_is_that_of_the_state_that_the_row_is_in(db: Connection) -> None:
    uid = new_uid()

    def reason_after(status: str, reason: str | None = None) -> tuple[str | None, str | None]:
        why = {"reason": reason, "message": f"{reason}!"} if reason else {}
        record(db, observed(uid, status=status, **why))
        row = row_of(db, uid)
        return row["reason"], row["message"]

    assert reason_after("queued") == (None, None)
    assert reason_after("queued", "Pending") == ("Pending", "Pending!")
    assert reason_after("queued", "WaitingForPool") == ("WaitingForPool", "WaitingForPool!")
    assert reason_after("queued") == ("WaitingForPool", "WaitingForPool!")
    assert reason_after("running") == (None, None)
    assert reason_after("running", "Retrying") == ("Retrying", "Retrying!")
    assert reason_after("queued", "Pending") == ("Retrying", "Retrying!")
    assert reason_after("failed", "RetriesExhausted") == ("RetriesExhausted", "RetriesExhausted!")
    assert reason_after("canceled", "Running") == ("RetriesExhausted", "RetriesExhausted!")
    assert reason_after("failed", "Rejected") == ("RetriesExhausted", "RetriesExhausted!")


@pytest.mark.parametrize(
    ("spec", "columns"),
    [
        (SPEC, ("default", 1, None)),
        ({**SPEC, "pool": "large", "priority": "Critical"}, ("large", 2, None)),
        ({**SPEC, "priority": "Low", "origin": "task-01"}, ("default", 0, "task-01")),
        (None, ("default", 1, None)),
    ],
)
def test_pool_priority_and_origin_are_read_from_the_spec(
    db: Connection, spec: object, columns: tuple[str, int, str | None]
) -> None:
    uid = new_uid()
    record(db, observed(uid, spec=spec))
    row = row_of(db, uid)
    assert (row["pool"], row["priority"], row["origin"]) == columns


@pytest.mark.parametrize("missing", ["namespace", "name", "uid"])
def test_an_observation_of_nothing_is_refused(db: Connection, missing: str) -> None:
    observation = observed(new_uid())
    del observation[missing]

    with pytest.raises(psycopg.errors.RaiseException, match="needs namespace, name and uid"):
        record(db, observation)


def test_two_writers_of_a_new_task_make_one_row(database_url: str, db: Connection) -> None:
    uids = [new_uid() for _ in range(100)]
    together = threading.Barrier(4, timeout=10)

    def write() -> None:
        with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
            for uid in uids:
                together.wait()
                record(connection, observed(uid, status="running"))

    with ThreadPoolExecutor(4) as writers:
        for writer in [writers.submit(write) for _ in range(4)]:
            writer.result()

    rows = db.execute("SELECT uid FROM tasks").fetchall()
    assert sorted(row["uid"] for row in rows) == sorted(uids)


@st.composite
def histories(draw: st.DrawFn) -> list[Observation]:
    """What was really seen of one task, in the order in which it happened."""
    base: Observation = {"spec": SPEC, "created_at": "2026-01-01T00:00:00Z"}
    seen: list[Observation] = [{**base, "status": "queued"}]
    running: Observation = {}
    for attempt in range(1, draw(st.integers(0, 3)) + 1):
        start, end = f"2026-01-01T00:00:{5 + attempt:02}Z", f"2026-01-01T00:00:{6 + attempt:02}Z"
        # A long status leaves older ones out.
        before = [] if draw(st.booleans()) else running.get("tries", [])
        running = {"attempts": attempt, "job": "j", "started_at": "2026-01-01T00:00:05Z"}
        begun = a_try(attempt, f"pod-{attempt}")
        phases = [begun, {**begun, "startedAt": start, "node": "n"}]
        phases += [{**phases[-1], "finishedAt": end, "exitCode": 75, "error": ERROR}]
        for phase in phases[: draw(st.integers(1, 3))]:
            running |= {"tries": [*before, phase]}
            seen.append({**base, **running, "status": "running", "reason": "Running"})
    end = draw(st.sampled_from(["none", "succeeded", "failed", "expired", "deleted", "resync"]))
    finished: Observation = {"finished_at": "2026-01-01T00:01:00Z"}
    match end:
        case "none":
            pass
        case "succeeded":
            seen.append({**base, **running, **finished, "status": end, "outputs": OUTPUTS})
        case "failed" | "expired":
            failed = {"error": ERROR, "dead_lettered": end == "failed", "reason": "Rejected"}
            seen.append({**base, **running, **finished, "status": end, **failed})
        case "deleted":
            seen.append({**base, **running, **finished, "status": "canceled"})
        case _:
            seen.append({**finished, "status": "canceled"})
    return seen


def facts(row: dict[str, Any]) -> dict[str, Any]:
    # The version counts the changes, of which there are more or fewer.
    changing = {"id", "name", "uid", "updated_at", "submit_after", "version"}
    return {name: value for name, value in row.items() if name not in changing}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=histories(), data=st.data())
def test_any_order_and_any_repetition_end_in_the_same_row(
    db: Connection, history: list[Observation], data: st.DataObject
) -> None:
    in_order, shuffled = new_uid(), new_uid()
    replay = data.draw(st.permutations(history + data.draw(st.lists(st.sampled_from(history)))))

    for observation in history:
        record(db, observed(in_order, **observation))
    finals = []
    for observation in replay:
        record(db, observed(shuffled, **observation))
        row = row_of(db, shuffled)
        finals += [(row["status"], row["finished_at"], row["outputs"], row["error"])]

    assert facts(row_of(db, in_order)) == facts(row_of(db, shuffled))
    final = [entry for entry in finals if entry[0] not in {"queued", "running"}]
    assert len({repr(entry) for entry in final}) <= 1
    assert finals[len(finals) - len(final) :] == final
    assert record(db, *(observed(shuffled, **observation) for observation in history)) == [
        False
    ] * len(history)
