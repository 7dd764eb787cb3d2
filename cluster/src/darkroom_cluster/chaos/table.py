"""What a run found, as the table that is printed and as JSON."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from darkroom_cluster.chaos.facts import Broken


@dataclass(frozen=True)
class Made:
    """A fault that was made."""

    name: str
    in_flight: frozenset[str]
    """The tasks that were not finished when it began, or came before all was well again."""
    lasted: float
    recovered: float | None
    """Seconds from its end until a fresh task had succeeded; None where none did in time."""
    problem: str = ""
    """Why the fault could not be made, if so."""


def rows(made: Sequence[Made], broken: Sequence[Broken]) -> list[dict[str, Any]]:
    """Return a line for each fault: what is broken counts for each fault that its task met."""
    found = []
    for fault in made:
        met = Counter(each.how for each in broken if each.task in fault.in_flight)
        found.append(
            {
                "fault": fault.name,
                "in_flight": len(fault.in_flight),
                "lost": met["lost"],
                "duplicated": met["duplicated"],
                "wrong": met["wrong"] + met["orphaned"],
                "lasted_seconds": round(fault.lasted, 1),
                "recovered_seconds": fault.recovered and round(fault.recovered, 1),
                "problem": fault.problem,
            }
        )
    return found


def text(lines: Sequence[dict[str, Any]]) -> str:
    """Return the table in Markdown."""
    titles = ("fault", "tasks in flight", "lost", "duplicated", "wrong", "time to recover")
    cells = [
        (
            line["fault"],
            str(line["in_flight"]),
            *(str(line[name]) for name in ("lost", "duplicated", "wrong")),
            line["problem"] or _seconds(line["recovered_seconds"]),
        )
        for line in lines
    ]
    widths = [max(len(row[i]) for row in (titles, *cells)) for i in range(len(titles))]
    separator = tuple("-" * width for width in widths)
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in (titles, separator, *cells)
    )


def _seconds(recovered: float | None) -> str:
    return "never" if recovered is None else f"{recovered:.1f} s"
