"""What a benchmark prints and writes: figures, each beside what it is a ratio of."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured number. `ratio` is value / baseline; `target` bounds the ratio."""

    name: str
    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    target: str | None = None
    met: bool | None = None
    of: str = ""
    """What the baseline is: a raw Job, the bound itself, another measurement."""


def compared(  # noqa: PLR0913  # a row of the table
    name: str,
    value: float,
    unit: str,
    baseline: float,
    *,
    of: str = "raw Job",
    at_most: float = 0,
    at_least: float = 0,
) -> Figure:
    """Return a figure with its ratio; with a bound, also whether the ratio keeps it."""
    ratio = value / baseline
    if at_most:
        return Figure(name, value, unit, baseline, ratio, f"<= {at_most}x", ratio <= at_most, of)
    if at_least:
        return Figure(name, value, unit, baseline, ratio, f">= {at_least}x", ratio >= at_least, of)
    return Figure(name, value, unit, baseline, ratio, of=of)


def bounded(name: str, value: float, unit: str, bound: float, of: str = "bound") -> Figure:
    """Return a figure that is a part of the most that it may be."""
    return compared(name, value, unit, bound, of=of, at_most=1.0)


def none_allowed(name: str, value: float, unit: str) -> Figure:
    """Return a figure that has to be zero."""
    return Figure(name, value, unit, target="= 0", met=value == 0)


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that so many percent of the values do not exceed."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def publish(figures: Sequence[Figure], file: Path) -> None:
    """Print the table and write the JSON list, with what other parts have written there before."""
    print(
        f"\n{'figure':<42}{'Darkroom':>10}  {'unit':<9}{'beside':>9}  {'ratio of':<24}{'ratio':>7}"
        "  target"
    )
    for figure in figures:
        print(_row(figure))
    file.parent.mkdir(parents=True, exist_ok=True)
    before = json.loads(file.read_text()) if file.exists() else []
    measured = {figure.name for figure in figures}
    rows = [row for row in before if row["name"] not in measured]
    rows += [asdict(figure) for figure in figures]
    file.write_text(json.dumps(rows, indent=2) + "\n")
    print(f"\nwritten to {file}")


def _row(figure: Figure) -> str:
    baseline = "" if figure.baseline is None else f"{figure.baseline:.2f}"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}x"
    verdict = "" if figure.met is None else ("met" if figure.met else "MISSED")
    return (
        f"{figure.name:<42}{figure.value:>10.2f}  {figure.unit:<9}{baseline:>9}  {figure.of:<24}"
        f"{ratio:>7}  {figure.target or ''} {verdict}"
    ).rstrip()
