from dataclasses import replace

from darkroom_cluster.chaos import invariants
from darkroom_cluster.chaos.facts import Broken, Child, Evidence, Resource, Row, Sent, Stored, Wish

MADE = {"name": "thumb", "format": "webp", "bytes": 3, "sha256": "abc"}
ROW = Row("task-1", "u1", "succeeded", (MADE,))
RESOURCE = Resource("task-1", "u1", "succeeded", (MADE,))
OUTPUT = Stored("outputs/u1/thumb.webp", 3, "abc")
UPLOAD = Stored("uploads/task-1", 9, "def")
JOB = Child("Job", "job-1", "u1", "u1", "j1", active=True)
POD = Child("Pod", "pod-1", "u1", "j1", "p1", active=True)
SENT = Sent("task-1", Wish.QUICK)


def whats(found: list[Broken]) -> list[str]:
    return [f"{each.how}: {each.what}" for each in found]


def test_where_all_agree_nothing_is_broken() -> None:
    evidence = Evidence((ROW,), (RESOURCE,), (JOB, POD), (OUTPUT, UPLOAD))
    history = {"task-1": ("queued", "running", "succeeded")}
    assert invariants.broken([SENT], history, evidence) == []


def test_a_task_whose_resource_expired_is_judged_by_its_row_alone() -> None:
    assert invariants.broken([SENT], {}, Evidence((ROW,), (), (), (OUTPUT,))) == []


def test_an_accepted_task_without_a_row_is_lost() -> None:
    assert whats(invariants.lost([SENT], [])) == ["lost: task-1 was accepted and has no row"]


def test_a_task_that_never_ends_is_lost() -> None:
    found = invariants.unfinished([replace(ROW, status="running")])
    assert whats(found) == ["lost: task-1 is still running"]


def test_an_end_that_changes_is_found_by_those_who_looked() -> None:
    changed = {"task-1": ("queued", "failed", "succeeded")}
    found = invariants.ended_twice(changed, ())
    assert whats(found) == ["duplicated: task-1 was failed and then succeeded"]


def test_an_end_that_changed_after_the_last_look_is_found_in_the_row() -> None:
    found = invariants.ended_twice({"task-1": ("running", "canceled")}, [ROW])
    assert whats(found) == ["duplicated: task-1 was canceled and then succeeded"]


def test_a_task_that_goes_back_after_its_end_is_found() -> None:
    assert invariants.ended_twice({"task-1": ("succeeded", "running", "succeeded")}, ())


def test_states_before_the_end_may_come_and_go() -> None:
    back = {"task-1": ("queued", "running", "queued", "running", "succeeded")}
    assert invariants.ended_twice(back, [ROW]) == []


def test_every_kind_of_task_has_its_end() -> None:
    error = {"code": "corrupt_image", "message": "no", "retryable": False}
    sent = [Sent(wish.value, wish) for wish in Wish]
    rows = [
        Row("quick", "1", "succeeded"),
        Row("slow", "2", "succeeded"),
        Row("corrupt", "3", "failed", (), error),
        Row("canceled", "4", "canceled"),
    ]
    assert invariants.wrongly_ended(sent, rows) == []
    for wish in Wish:
        wrong = "succeeded" if wish in {Wish.CORRUPT, Wish.CANCELED} else "failed"
        assert invariants.wrongly_ended([Sent("x", wish)], [Row("x", "1", wrong)])


def test_no_picture_that_is_called_worth_another_try_is_wrong() -> None:
    error = {"code": "source_unreachable", "message": "no", "retryable": True}
    row = Row("task-1", "u1", "failed", (), error)
    assert invariants.wrongly_ended([Sent("task-1", Wish.CORRUPT)], [row])


def test_an_output_that_is_not_there_or_not_whole_is_found() -> None:
    assert invariants.half_written([ROW], [OUTPUT]) == []
    assert whats(invariants.half_written([ROW], [])) == [
        "wrong: outputs/u1/thumb.webp of task-1 is not there"
    ]
    assert whats(invariants.half_written([ROW], [replace(OUTPUT, size=2)])) == [
        "wrong: outputs/u1/thumb.webp of task-1 is not whole: 2 bytes of 3"
    ]
    assert invariants.half_written([ROW], [replace(OUTPUT, sha256="other")])


def test_a_jpeg_is_found_under_its_usual_extension() -> None:
    row = replace(ROW, outputs=({**MADE, "format": "jpeg"},))
    assert invariants.half_written([row], [replace(OUTPUT, key="outputs/u1/thumb.jpg")]) == []


def test_a_success_without_outputs_and_a_failure_with_them_are_wrong() -> None:
    assert invariants.half_written([replace(ROW, outputs=())], [])
    assert invariants.half_written([replace(ROW, status="failed")], [OUTPUT])


def test_two_rows_of_one_resource_are_found() -> None:
    found = invariants.recorded_twice([ROW, replace(ROW, id="task-u1")], [RESOURCE])
    assert whats(found) == ["duplicated: the resource u1 has 2 rows"]


def test_two_pods_at_work_for_one_task_are_found() -> None:
    pods = [POD, replace(POD, name="pod-2", uid="p2")]
    found = invariants.overlapping(pods, {"u1": "task-1"})
    assert found == [Broken("duplicated", "task-1 ran in 2 pods at once", "task-1")]
    assert invariants.overlapping([POD, replace(pods[1], active=False)], {}) == []


def test_a_job_without_its_task_and_a_pod_without_its_job_are_orphans() -> None:
    assert whats(invariants.orphaned_children([JOB, POD], [])) == [
        "orphaned: Job job-1 has lost its owner",
        "orphaned: Pod pod-1 has lost its owner",
    ]
    assert whats(invariants.orphaned_children([POD], [RESOURCE])) == [
        "orphaned: Pod pod-1 has lost its owner"
    ]


def test_an_object_of_no_task_is_an_orphan() -> None:
    strange = [
        Stored("uploads/task-2", 1, ""),
        Stored("outputs/u2/thumb.webp", 1, ""),
        Stored(".incoming/tmp1", 1, ""),
    ]
    found = invariants.orphaned_objects([UPLOAD, OUTPUT, *strange], [ROW])
    assert whats(found) == [
        f"orphaned: {each.key} (1 bytes) belongs to no task" for each in strange
    ]


def test_a_resource_without_a_row_and_an_open_row_without_a_resource_are_orphans() -> None:
    assert whats(invariants.unrecorded([RESOURCE], [])) == [
        "orphaned: the resource task-1 has no row"
    ]
    assert whats(invariants.forsaken([replace(ROW, status="queued")], [])) == [
        "orphaned: the row task-1 is queued and has no resource"
    ]
    assert invariants.forsaken([ROW], []) == []


def test_a_resource_and_its_row_that_differ_are_found() -> None:
    found = invariants.disagreeing([replace(RESOURCE, state="failed")], [ROW])
    assert whats(found) == ["wrong: task-1 is failed in the cluster and succeeded in Postgres"]
    other = replace(RESOURCE, outputs=({**MADE, "sha256": "other"},))
    assert whats(invariants.disagreeing([other], [ROW])) == [
        "wrong: task-1 has other outputs in the cluster than in Postgres"
    ]
