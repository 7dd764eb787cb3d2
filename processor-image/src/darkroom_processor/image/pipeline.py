"""The whole way of one task: a tuple of steps, each from one state of the work to the next."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from PIL import Image

from darkroom_processor import limits, parallel
from darkroom_processor.documents import (
    Assignment,
    FileFacts,
    OutputReport,
    Report,
    SourceReport,
    Timings,
)
from darkroom_processor.image import facts, responsive
from darkroom_processor.image.decode import (
    Base,
    Draft,
    Source,
    Wanted,
    decode,
    open_source,
    reopened,
)
from darkroom_processor.image.jobs import Job, Key, jobs_of
from darkroom_processor.image.make import Made, make_film, make_still
from darkroom_processor.image.overlays import fetch_overlays
from darkroom_processor.image.plugins import load_writer
from darkroom_processor.image.render import draft_for
from darkroom_processor.log import log
from darkroom_processor.steps import since
from darkroom_processor.tasks import Files

_MOST_THREADS: Final = 4
_FETCHED, _DECODED = 10, 30
"""Percent of a task that is done by then."""


class Digest(threading.Thread):
    """The SHA-256 of a file, found while something else is done."""

    def __init__(self, path: str) -> None:
        """Begin at once."""
        super().__init__(daemon=True)
        # Opened here, for the file may get another name soon.
        self._file = open(path, "rb")  # noqa: PTH123, SIM115  # closed by the thread
        self._found = ""
        self.start()

    def run(self) -> None:
        """Read the file."""
        with self._file:
            self._found = hashlib.file_digest(self._file, "sha256").hexdigest()

    @property
    def hexadecimal(self) -> str:
        """The digest; waits for it."""
        self.join()
        return self._found


class Work(NamedTuple):
    """A task on its way."""

    assignment: Assignment
    files: Files
    path: str
    size: int = 0
    digest: Digest | None = None
    source: Source | None = None
    jobs: tuple[Job, ...] = ()
    bases: Mapping[Key, Base] = MappingProxyType({})
    overlays: Mapping[str, Image.Image] = MappingProxyType({})
    made: tuple[Made, ...] = ()
    report: SourceReport | None = None
    timings: Timings = Timings()


Step = Callable[[Work], Work]


def fetch_source(work: Work) -> Work:
    """Get the source's bytes."""
    start = time.monotonic()
    assignment = work.assignment
    size = work.files.fetch(assignment.sources[0], work.path, assignment.limits.source_bytes)
    timings = work.timings._replace(fetch=since("fetch", start))
    log("fetched", bytes=size, milliseconds=timings.fetch)
    work.files.progress(_FETCHED)
    return work._replace(size=size, digest=Digest(work.path), timings=timings)


def check_header(work: Work) -> Work:
    """Refuse what is no picture, or too large a one, before it is decoded."""
    start = time.monotonic()
    source = open_source(work.path, work.assignment.limits)
    jobs = tuple(jobs_of(work.assignment.outputs, source))
    timings = work.timings._replace(decode=since("decode", start))
    return work._replace(source=source, jobs=jobs, timings=timings)


def fetch_others(work: Work) -> Work:
    """Get the pictures that are put upon the source."""
    if not work.assignment.overlays:
        return work
    start = time.monotonic()
    overlays = fetch_overlays(work.assignment, work.files, work.path)
    timings = work.timings._replace(fetch=work.timings.fetch + since("fetch", start))
    return work._replace(overlays=overlays, timings=timings)


def decode_once(work: Work) -> Work:
    """Decode as much of the source as the outputs need; each frame or page that is asked for."""
    assert work.source is not None  # noqa: S101  # the order of STEPS
    start = time.monotonic()
    source, allowed = work.source, limits.allowed_memory()
    bases: dict[Key, Base] = {}
    for key, wanted in _wanted(work, source).items():
        opened = reopened(source) if bases else source
        bases[key] = decode(opened, wanted, allowed)
    timings = work.timings._replace(decode=work.timings.decode + since("decode", start))
    log(
        "decoded",
        format=source.format,
        width=source.size[0],
        height=source.size[1],
        scale=min((base.scale for base in bases.values()), default=1.0),
        milliseconds=timings.decode,
    )
    work.files.progress(_DECODED)
    return work._replace(bases=bases, timings=timings)


def _wanted(work: Work, source: Source) -> dict[Key, Wanted]:
    """Return which pictures are decoded, and how little of each is enough."""
    wants_facts = work.assignment.facts is not None
    metadata = wants_facts or any(job.output.metadata != "strip" for job in work.jobs)
    stills = [job for job in work.jobs if not job.moves]
    if not stills and (wants_facts or metadata):
        return {Key(): Wanted(Draft(None, gray=False), metadata=metadata)}
    wanted: dict[Key, Wanted] = {}
    for key in dict.fromkeys(job.key for job in stills):
        outputs = [job.output for job in stills if job.key == key]
        draft = draft_for(outputs, source.size, source.orientation)
        wanted[key] = Wanted(draft, key.frame, key.deep, metadata)
    return wanted


def make_outputs(work: Work) -> Work:
    """Render, encode and store every output, several at once."""
    assert work.source is not None  # noqa: S101  # the order of STEPS
    source, jobs = work.source, work.jobs
    for format_ in {file.format for job in jobs for file in job.files}:
        load_writer(format_)
    base = next(iter(work.bases.values()), None)
    metadata = base.metadata if base else None
    count = 0

    def make(job: Job) -> list[Made]:
        nonlocal count
        if job.moves:
            made = make_film(job, source, work.overlays, metadata)
        else:
            made = make_still(
                job, work.bases[job.key], work.assignment.limits.pixels, work.overlays
            )
        stored = [_stored(work, each) for each in made]
        count += 1
        work.files.progress(_DECODED + (100 - _DECODED) * count // (len(jobs) + 1))
        return stored

    made = parallel.each(make, jobs, min(_MOST_THREADS, limits.usable_cpus()))
    ordered = tuple(_in_order(work, jobs, made))
    timings = work.timings._replace(
        render=sum(each.render for each in ordered),
        encode=sum(each.encode for each in ordered),
        store=sum(each.store for each in ordered),
    )
    return work._replace(made=ordered, timings=timings)


def _in_order(work: Work, jobs: Sequence[Job], made: Sequence[list[Made]]) -> Iterator[Made]:
    """Yield what was made in the order of the recipe; a set's snippet is made first of it."""
    for number, assigned in enumerate(work.assignment.outputs):
        own = [
            each
            for job, several in zip(jobs, made, strict=True)
            for each in several
            if job.number == number
        ]
        if assigned.output.responsive is not None:
            order = {file.name: at for at, file in enumerate(assigned.files)}
            own.sort(key=lambda each: order[each.file.name])
            html = responsive.snippet(assigned, [each.report for each in own])
            yield _stored(work, Made(assigned.files[0], html))
        yield from own


def _stored(work: Work, made: Made) -> Made:
    start = time.monotonic()
    work.files.store(made.file, made.data)
    digest = hashlib.sha256(made.data).hexdigest()
    size = made.image.size if made.image else (None, None)
    report = OutputReport(made.file.name, made.file.format, len(made.data), digest, *size)
    stored = made._replace(report=report, store=since("store", start))
    log("output", **report._asdict(), milliseconds=made.render + made.encode + stored.store)
    if work.assignment.facts is not None:
        stored = stored._replace(facts=_facts_of(stored))
    # Many outputs' pictures would fill the memory.
    return stored._replace(data=b"", image=None)


def tell_facts(work: Work) -> Work:
    """Say what the source is and, where that is wanted, all facts of all files."""
    assert work.source is not None  # noqa: S101  # the order of STEPS
    assert work.digest is not None  # noqa: S101  # as above
    base = next(iter(work.bases.values()), None)
    report = facts.source_report(work.source, base, work.size, work.digest.hexadecimal)
    if work.assignment.facts is not None and base is not None:
        look = facts.look_at(base.image, base.profile, base.orientation)
        source = facts.source_facts(report, work.source, base, facts.SOURCE)
        outputs = [
            look.of(made.facts) if made.looks_like_source else made.facts
            for made in work.made
            if made.facts is not None
        ]
        work.files.put_facts(facts.encoded([look.of(source)], outputs))
    return work._replace(report=report)


def _facts_of(made: Made) -> FileFacts:
    """Return an output's facts; without its look where that is its source's."""
    if made.image is None:
        report = made.report
        return FileFacts(report.name, report.format.value, report.bytes, report.sha256)
    told = facts.output_facts(made.report, made.image, made.profile)
    told = told._replace(frames=made.frames, duration_seconds=made.seconds)
    if made.looks_like_source:
        return told
    return facts.look_at(made.image, made.profile).of(told)


STEPS: Final[tuple[Step, ...]] = (
    fetch_source,
    check_header,
    fetch_others,
    decode_once,
    make_outputs,
    tell_facts,
)


def process(assignment: Assignment, files: Files, folder: str) -> Report:
    """Do a task; raises ProcessingError for an end that was foreseen."""
    work = Work(assignment, files, f"{folder}/source")
    try:
        for step in STEPS:
            work = step(work)
    finally:
        if work.source is not None:
            work.source.image.close()
    reports = tuple(made.report for made in work.made)
    return Report(source=work.report, outputs=reports, timings=work.timings)
