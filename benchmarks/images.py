"""Pictures per second and their likeness beside sharp, pyvips, thumbor and Pillow; one core each.

JPEG photographs become 512 wide. Every engine is one process that lives on, on the same core, and
they take turns, so that a machine that is slow for a while is slow for all; time is the CPU's.
JPEG and WebP have quality 80; AVIF has for each engine the lowest quality at which it is as alike
as sharp's own default.
"""

import argparse
import statistics
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import image_budgets
import photographs
import rivals
from figures import Figure, compared
from rivals import Engine

_OURS, _SHARP, _THUMBOR = "Darkroom", "sharp", "thumbor"
_QUALITY: Final = 80
_ROUNDS: Final = {"jpeg": 9, "webp": 7, "avif": 3}
_SECONDS: Final = 0.2
"""About how long the fastest engine works in one round; all make as many pictures."""
_SHARP_TARGETS: Final[Mapping[str, Mapping[str, float]]] = {
    "jpeg": {"6": 0.9, "24": 1.0},
    "webp": dict.fromkeys(photographs.SIZES, 1.0),
    "avif": dict.fromkeys(photographs.SIZES, 2.0),
}
_OVER_THUMBOR: Final = 1.2
_EQUAL: Final = 0.25
"""Points of SSIMULACRA2 that nobody sees."""


class Bench(NamedTuple):
    """What is compared on what."""

    engines: Mapping[str, Engine]
    scores: Engine
    sources: Mapping[str, Path]
    folder: Path
    """For files that are looked at and forgotten."""


class Order(NamedTuple):
    """What an engine is told."""

    source: str
    format: str
    quality: int | None
    """None: the engine's own."""
    times: int = 1
    output: str | None = None
    """Where the last of what it made is written."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this part's options."""
    parser.add_argument(
        "--image-formats", nargs="*", default=list(_ROUNDS), help=f"of {', '.join(_ROUNDS)}"
    )


def measure(options: argparse.Namespace) -> list[Figure]:
    """Compare every format and size; then what a task may take."""
    folder = options.state / "bench" / "images"
    rivals.install(folder)
    sources = photographs.make(folder / "sources")
    figures: list[Figure] = []
    with ExitStack() as stack, tempfile.TemporaryDirectory() as temporary:
        engines = {
            name: stack.enter_context(Engine(command))
            for name, command in rivals.commands(folder).items()
        }
        scores = stack.enter_context(rivals.scores(folder))
        bench = Bench(engines, scores, sources, Path(temporary))
        for format_ in options.image_formats:
            figures += _format(bench, format_)
    return figures + image_budgets.measure(sources["24"], folder)


def _format(bench: Bench, format_: str) -> list[Figure]:
    qualities: dict[str, int | None] = dict.fromkeys(bench.engines, _QUALITY)
    if format_ == "avif":
        qualities = _equal_qualities(bench, format_)
        print(f"  {format_} at equal likeness: {qualities}", flush=True)
    figures: list[Figure] = []
    for size in bench.sources:
        figures += _size(bench, format_, size, qualities)
    return figures


def _size(
    bench: Bench, format_: str, size: str, qualities: Mapping[str, int | None]
) -> list[Figure]:
    speed = _speeds(bench, format_, size, qualities)
    name = f"{size} MP to {format_.upper()} 512"
    figures = []
    for rival, its in speed.items():
        if rival == _OURS:
            continue
        bound = _OVER_THUMBOR if rival == _THUMBOR else 0.0
        if rival == _SHARP:
            bound = _SHARP_TARGETS[format_].get(size, 0.0)
        figures.append(
            compared(f"{name}, {rival}", speed[_OURS], "1/s", its, of=rival, at_least=bound)
        )
    ours, sharps = (_score(bench, rival, format_, size, qualities) for rival in (_OURS, _SHARP))
    figure = Figure(
        *(f"{name}, likeness", ours, "points", sharps, ours / sharps),
        target=f">= sharp - {_EQUAL}",
        met=ours >= sharps - _EQUAL,
        of=_SHARP,
    )
    print(
        f"  {name}: {', '.join(f'{key} {value:.1f}/s' for key, value in speed.items())}, "
        f"likeness {ours:.1f} and {sharps:.1f}",
        flush=True,
    )
    return [*figures, figure]


def _speeds(
    bench: Bench, format_: str, size: str, qualities: Mapping[str, int | None]
) -> dict[str, float]:
    """Return pictures per second of each engine: the median of rounds in which they take turns."""

    def once(name: str, times: int) -> float:
        source = str(bench.sources[size].resolve())
        order = Order(source, format_, qualities[name], times)
        answer = bench.engines[name].ask(order._asdict())
        return answer["seconds"] / times

    for name in bench.engines:
        once(name, 1)  # what is imported for a first picture is no part of the second
    times = max(1, round(_SECONDS / min(once(name, 1) for name in bench.engines)))
    rounds = [{name: once(name, times) for name in bench.engines} for _ in range(_ROUNDS[format_])]
    return {name: 1 / statistics.median(each[name] for each in rounds) for name in bench.engines}


def _score(
    bench: Bench, name: str, format_: str, size: str, qualities: Mapping[str, int | None]
) -> float:
    """Return how alike an engine's file is to its source: 100 is the same, above 70 is good."""
    source, made = str(bench.sources[size].resolve()), str(bench.folder / "made")
    order = Order(source, format_, qualities[name], output=made)
    bench.engines[name].ask(order._asdict())
    answer = bench.scores.ask({"source": source, "made": made, "folder": str(bench.folder)})
    return answer["score"]


def _equal_qualities(bench: Bench, format_: str, size: str = "6") -> dict[str, int | None]:
    """Return for each engine the lowest quality that is as alike as sharp's own default."""
    wanted = _score(bench, _SHARP, format_, size, {_SHARP: None})
    found: dict[str, int | None] = {}
    for name in bench.engines:
        low, high = 20, 90
        while name != _SHARP and low < high:
            middle = (low + high) // 2
            if _score(bench, name, format_, size, {name: middle}) >= wanted:
                high = middle
            else:
                low = middle + 1
        found[name] = None if name == _SHARP else low
    return found
