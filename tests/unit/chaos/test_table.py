from darkroom_cluster.chaos import table
from darkroom_cluster.chaos.facts import Broken
from darkroom_cluster.chaos.table import Made


def test_what_is_broken_counts_for_every_fault_that_the_task_met() -> None:
    made = [
        Made("first", frozenset({"a", "b"}), 1.0, 2.0),
        Made("second", frozenset({"b"}), 20.0, None),
    ]
    broken = [
        Broken("lost", "", "b"),
        Broken("wrong", "", "a"),
        Broken("orphaned", "", "a"),
        Broken("orphaned", "an object"),
    ]
    lines = table.rows(made, broken)
    counted = [[line[how] for how in ("lost", "duplicated", "wrong")] for line in lines]
    assert counted == [[1, 0, 2], [1, 0, 0]]


def test_the_table_says_when_all_was_well_again() -> None:
    made = [
        Made("first", frozenset({"a"}), 1.0, 2.04),
        Made("second", frozenset(), 1.0, None),
        Made("third", frozenset(), 0.0, 0.5, "not made"),
    ]
    lines = table.text(table.rows(made, [])).splitlines()
    assert lines[0].startswith("| fault  | tasks in flight | lost | duplicated | wrong |")
    assert [line.split("|")[-2].strip() for line in lines[2:]] == ["2.0 s", "never", "not made"]
