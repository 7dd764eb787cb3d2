from darkroom_cluster.chaos.histories import Histories


def test_only_changes_are_kept() -> None:
    histories = Histories()
    for state in ("queued", "queued", "running", "running", "succeeded"):
        histories.saw([("a", state)])
    assert histories.all() == {"a": ("queued", "running", "succeeded")}


def test_what_was_never_seen_is_unfinished() -> None:
    histories = Histories()
    histories.saw([("a", "running"), ("b", "failed"), ("other", "running")])
    assert histories.unfinished(["a", "b", "c"]) == {"a", "c"}
