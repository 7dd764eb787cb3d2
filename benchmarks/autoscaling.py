"""Draws what the autoscaler did: backlog, replicas and running tasks over time.

    .venv/bin/pytest tests/e2e/test_autoscaling.py       # writes the series
    .venv/bin/python benchmarks/autoscaling.py           # draws it into docs/autoscaling.svg

Plain SVG text: a plotting library would be a dependency of one picture.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

Series = Sequence[dict[str, float]]

_WIDTH, _HEIGHT = 980, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 950, 60, 350
_LINES: Final = {
    "running": ("#6fc3a0", "running tasks"),
    "backlog": ("#8fb3d9", "unfinished tasks (the metric)"),
    "replicas": ("#e0b15b", "replicas of the pool (set by the autoscaler)"),
}
_STYLE: Final = (
    "text{font-family:system-ui,Helvetica,Arial,sans-serif;fill:#a9bace;font-size:12px}"
    ".t{fill:#f2f5f9;font-size:16px;font-weight:600}.g{stroke:#2a3547;stroke-width:1}"
    "polyline{stroke-width:2.5;stroke-linejoin:round}"
)
_FEW_TICKS: Final = 8


@dataclass(frozen=True)
class Scale:
    """From seconds and counts to places on the picture."""

    seconds: float
    count: float

    def x(self, seconds: float) -> float:
        """Return the place of a time."""
        return round(_LEFT + (_RIGHT - _LEFT) * seconds / self.seconds, 1)

    def y(self, count: float) -> float:
        """Return the place of a number."""
        return round(_BOTTOM - (_BOTTOM - _TOP) * count / self.count, 1)


def main() -> None:
    """Draw the series that the end-to-end test wrote."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--series", type=Path, default=Path(".darkroom/results/autoscaling.json"))
    parser.add_argument("--picture", type=Path, default=Path("docs/autoscaling.svg"))
    options = parser.parse_args()
    options.picture.write_text(drawing(json.loads(options.series.read_text())))
    print(f"drawn: {options.picture}")


def drawing(series: Series) -> str:
    """Return the picture."""
    scale = Scale(series[-1]["seconds"], max(now["backlog"] for now in series) + 1)
    label = (
        f"Over {scale.seconds:.0f} seconds the backlog falls from {series[0]['backlog']:.0f} "
        f"tasks to none; the replicas rise from 1 to {max(now['replicas'] for now in series):.0f} "
        "and fall back to 1; as many tasks run as there are replicas."
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{label}">\n<style>{_STYLE}</style>\n'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="14" fill="#10151d"/>\n'
    )
    parts = [*_grid(scale), *(_line(series, name, scale) for name in _LINES), *_legend()]
    return head + "\n".join(parts) + "\n</svg>\n"


def _grid(scale: Scale) -> Iterator[str]:
    for count in range(0, int(scale.count) + 1, 1 if scale.count <= _FEW_TICKS else 2):
        y = scale.y(count)
        yield f'<path d="M{_LEFT} {y}L{_RIGHT} {y}" class="g"/>'
        yield f'<text x="{_LEFT - 10}" y="{y + 4}" text-anchor="end">{count}</text>'
    for seconds in range(0, int(scale.seconds) + 1, 15):
        x = scale.x(seconds)
        yield f'<text x="{x}" y="{_BOTTOM + 22}" text-anchor="middle">{seconds} s</text>'


def _line(series: Series, name: str, scale: Scale) -> str:
    """Return a line of steps: a number holds until the next look. What runs is an area."""
    points: list[str] = []
    for before, now in zip([series[0], *series], series, strict=False):
        points.append(f"{scale.x(now['seconds'])},{scale.y(before[name])}")
        points.append(f"{scale.x(now['seconds'])},{scale.y(now[name])}")
    color = _LINES[name][0]
    if name != "running":
        return f'<polyline points="{" ".join(points)}" fill="none" stroke="{color}"/>'
    corners = (f"{_LEFT},{_BOTTOM}", *points, f"{_RIGHT},{_BOTTOM}")
    return f'<polygon points="{" ".join(corners)}" fill="{color}" fill-opacity="0.45"/>'


def _legend() -> Iterator[str]:
    yield f'<text x="{_LEFT}" y="34" class="t">A pool and its autoscaler</text>'
    x = _LEFT
    for color, text in _LINES.values():
        yield f'<rect x="{x}" y="{_BOTTOM + 42}" width="14" height="4" fill="{color}"/>'
        yield f'<text x="{x + 22}" y="{_BOTTOM + 48}">{text}</text>'
        x += 300


if __name__ == "__main__":
    main()
