"""The whole way of one task: a tuple of steps, each from one state of the work to the next."""

import hashlib
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from darkroom_processor import limits, parallel
from darkroom_processor.documents import (
    AssignedOutput,
    Assignment,
    OutputReport,
    Report,
    Timings,
)
from darkroom_processor.image.decode import Base, Source, decode, open_source
from darkroom_processor.image.encode import encode, load_plugin
from darkroom_processor.image.render import draft_for, render
from darkroom_processor.log import log
from darkroom_processor.tasks import Files

_MOST_THREADS: Final = 4
_FETCHED, _DECODED = 10, 30
"""Percent of a task that is done by then."""


class Work(NamedTuple):
    """A task on its way."""

    assignment: Assignment
    files: Files
    path: str
    source: Source | None = None
    base: Base | None = None
    outputs: tuple[OutputReport, ...] = ()
    timings: Timings = Timings()


Step = Callable[[Work], Work]


def fetch_source(work: Work) -> Work:
    """Get the source's bytes."""
    start = time.monotonic()
    assignment = work.assignment
    count = work.files.fetch(assignment.sources[0], work.path, assignment.limits.source_bytes)
    timings = work.timings._replace(fetch=_since(start))
    log("fetched", bytes=count, milliseconds=timings.fetch)
    work.files.progress(_FETCHED)
    return work._replace(timings=timings)


def check_header(work: Work) -> Work:
    """Refuse what is no picture, or too large a one, before it is decoded."""
    start = time.monotonic()
    source = open_source(work.path, work.assignment.limits)
    return work._replace(source=source, timings=work.timings._replace(decode=_since(start)))


def decode_once(work: Work) -> Work:
    """Decode as much of the source as the outputs need."""
    assert work.source is not None  # noqa: S101  # the order of STEPS
    start = time.monotonic()
    recipes = [assigned.output for assigned in work.assignment.outputs]
    source = work.source
    draft = draft_for(recipes, source.size, source.orientation)
    base = decode(source, draft, limits.allowed_memory())
    timings = work.timings._replace(decode=work.timings.decode + _since(start))
    log(
        "decoded",
        format=source.format,
        width=source.size[0],
        height=source.size[1],
        scale=base.scale,
        milliseconds=timings.decode,
    )
    work.files.progress(_DECODED)
    return work._replace(base=base, timings=timings)


def make_outputs(work: Work) -> Work:
    """Render, encode and store every output, several at once."""
    assert work.base is not None  # noqa: S101  # the order of STEPS
    base, outputs = work.base, work.assignment.outputs
    for format_ in {assigned.output.format for assigned in outputs}:
        load_plugin(format_)
    done: list[str] = []

    def make(assigned: AssignedOutput) -> tuple[OutputReport, int, int]:
        made = _make_output(work, base, assigned)
        done.append(assigned.output.name)
        work.files.progress(_DECODED + (100 - _DECODED) * len(done) // len(outputs))
        return made

    made = parallel.each(make, outputs, min(_MOST_THREADS, limits.usable_cpus()))
    return work._replace(
        outputs=tuple(report for report, _, _ in made),
        timings=work.timings._replace(
            render=sum(render for _, render, _ in made), store=sum(store for _, _, store in made)
        ),
    )


def _make_output(work: Work, base: Base, assigned: AssignedOutput) -> tuple[OutputReport, int, int]:
    output, start = assigned.output, time.monotonic()
    image = render(base, output, work.assignment.limits.pixels)
    data = encode(image, output)
    rendered, begun = _since(start), time.monotonic()
    (file,) = assigned.files
    work.files.store(file, data)
    report = OutputReport(
        file.name, file.format, len(data), hashlib.sha256(data).hexdigest(), *image.size
    )
    log("output", **report._asdict(), milliseconds=_since(start))
    return report, rendered, _since(begun)


STEPS: Final[tuple[Step, ...]] = (fetch_source, check_header, decode_once, make_outputs)


def process(assignment: Assignment, files: Files, folder: str) -> Report:
    """Do a task; raises ProcessingError for an end that was foreseen."""
    work = Work(assignment, files, f"{folder}/source")
    for step in STEPS:
        work = step(work)
    return Report(outputs=work.outputs, timings=work.timings)


def _since(start: float) -> int:
    return round((time.monotonic() - start) * 1000)
