"""Which migrations are due."""

import pytest
from darkroom_api.errors import CommandError
from darkroom_api.migrate import Applied, Migration, migrations, plan_down, plan_up

KNOWN = [Migration(n, f"m{n}", f"up {n}", f"down {n}") for n in (1, 2, 3)]


def applied(*versions: int) -> list[Applied]:
    return [Applied(m.version, m.name, m.checksum) for m in KNOWN if m.version in versions]


def versions(steps: object) -> list[int]:
    return [step.migration.version for step in steps]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("done", "target", "steps"),
    [((), None, [1, 2, 3]), ((1,), None, [2, 3]), ((), 2, [1, 2]), ((1, 2, 3), None, [])],
)
def test_the_way_up_is_what_is_missing(
    done: tuple[int, ...], target: int | None, steps: list[int]
) -> None:
    assert versions(plan_up(KNOWN, applied(*done), target)) == steps


@pytest.mark.parametrize(
    ("done", "target", "steps"),
    [((1, 2, 3), None, [3]), ((1, 2, 3), 1, [3, 2]), ((1, 2), 0, [2, 1]), ((), None, [])],
)
def test_the_way_down_takes_the_newest_first(
    done: tuple[int, ...], target: int | None, steps: list[int]
) -> None:
    assert versions(plan_down(KNOWN, applied(*done), target)) == steps


def test_an_edited_migration_stops_both_ways() -> None:
    edited = [Applied(1, "m1", "another checksum")]
    for plan in (plan_up, plan_down):
        with pytest.raises(CommandError, match="0001 m1 was changed after it was applied"):
            plan(KNOWN, edited, None)


def test_the_migrations_of_this_release_are_numbered_without_gaps() -> None:
    assert [m.version for m in migrations()] == list(range(1, len(migrations()) + 1))
