"""What a benchmark prints and writes: figures, each beside the baseline it is a ratio of."""

import json
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


def compared(  # noqa: PLR0913  # a row of the table
    name: str, value: float, unit: str, baseline: float, *, at_most: float = 0, at_least: float = 0
) -> Figure:
    """Return a figure with its ratio; with a bound, also whether the ratio keeps it."""
    ratio = value / baseline
    if at_most:
        return Figure(name, value, unit, baseline, ratio, f"<= {at_most}x", ratio <= at_most)
    if at_least:
        return Figure(name, value, unit, baseline, ratio, f">= {at_least}x", ratio >= at_least)
    return Figure(name, value, unit, baseline, ratio)


def publish(figures: list[Figure], file: Path) -> None:
    """Print the table and write the JSON list."""
    print(f"\n{'figure':<34}{'Darkroom':>10}{'raw Job':>10}  {'unit':<8}{'ratio':>7}  target")
    for figure in figures:
        baseline = "" if figure.baseline is None else f"{figure.baseline:.2f}"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}x"
        verdict = "" if figure.met is None else ("met" if figure.met else "MISSED")
        print(
            f"{figure.name:<34}{figure.value:>10.2f}{baseline:>10}  {figure.unit:<8}{ratio:>7}"
            f"  {figure.target or ''} {verdict}".rstrip()
        )
    file.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n")
    print(f"\nwritten to {file}")
