"""Tasks of type Video: the source is checked once, then each output is made from it."""

import hashlib
import os
import time
from collections.abc import Callable, Iterable
from typing import Final

from darkroom_processor.documents import (
    Assignment,
    FileFacts,
    OutputReport,
    Report,
    SourceReport,
    Timings,
)
from darkroom_processor.errors import Code, Rejected
from darkroom_processor.image.facts import SOURCE, digest_of, encoded, look_at
from darkroom_processor.image.overlays import fetch_overlays
from darkroom_processor.log import log
from darkroom_processor.steps import since
from darkroom_processor.tasks import Files
from darkroom_processor.video.facts import facts_of
from darkroom_processor.video.job import Job, Made
from darkroom_processor.video.preview import make_preview
from darkroom_processor.video.stills import make_poster, make_thumbnails
from darkroom_processor.video.storyboard import make_storyboard
from darkroom_processor.video.transcode import make_transcode

_FETCHED: Final = 10
"""Percent of a task that is done by then."""


def process(assignment: Assignment, files: Files, folder: str) -> Report:
    """Do a task; raises ProcessingError for an end that was foreseen."""
    start = time.monotonic()
    path = f"{folder}/source"
    size = files.fetch(assignment.sources[0], path, assignment.limits.source_bytes)
    overlays = fetch_overlays(assignment, files, path)
    timings = Timings(fetch=since("fetch", start))
    log("fetched", bytes=size, milliseconds=timings.fetch)
    files.progress(_FETCHED)
    start = time.monotonic()
    source = facts_of(path, size, digest_of(path), SOURCE, assignment.limits)
    timings = timings._replace(decode=since("decode", start))
    told: list[FileFacts] = []
    reports: list[OutputReport] = []
    for number, assigned in enumerate(assignment.outputs):
        start = time.monotonic()
        progress = _progress(files, number, len(assignment.outputs))
        job = Job(assigned, path, folder, assignment.limits, overlays, progress)
        # One after the other, so that no more than one is in memory.
        for each in _make(job):
            timings = timings._replace(render=timings.render + since("render", start))
            start = time.monotonic()
            report = _stored(files, each)
            reports.append(report)
            if assignment.facts is not None:
                told.append(_facts(each, report))
            timings = timings._replace(store=timings.store + since("store", start))
            start = time.monotonic()
    if assignment.facts is not None:
        files.put_facts(encoded([source], told))
    short = SourceReport(**{field: getattr(source, field) for field in SourceReport._fields})
    return Report(source=short, outputs=tuple(reports), timings=timings)


def _make(job: Job) -> Iterable[Made]:
    video = job.output.video
    if video is not None and video.poster:
        return make_poster(job, video.poster)
    if video is not None and video.thumbnails:
        return make_thumbnails(job, video.thumbnails)
    if video is not None and video.storyboard:
        return make_storyboard(job, video.storyboard)
    if video is not None and video.preview:
        return make_preview(job, video.preview)
    if video is not None and video.transcode:
        return make_transcode(job, video.transcode)
    raise Rejected(
        Code.INVALID_ASSIGNMENT,
        f"The output {job.output.name} of a task of type Video does not say by video what it is.",
    )


def _progress(files: Files, number: int, count: int) -> Callable[[float], None]:
    def tell(part: float) -> None:
        files.progress(_FETCHED + int((100 - _FETCHED) * (number + part) / count))

    return tell


def _stored(files: Files, made: Made) -> OutputReport:
    if isinstance(made.content, bytes):
        size, digest = len(made.content), hashlib.sha256(made.content).hexdigest()
        files.store(made.file, made.content)
    else:
        size, digest = os.stat(made.content).st_size, digest_of(made.content)  # noqa: PTH116
        files.store_file(made.file, made.content)
        os.remove(made.content)  # noqa: PTH107  # pathlib is slow to import
    width, height = made.size or (None, None)
    report = OutputReport(made.file.name, made.file.format, size, digest, width, height)
    log("output", **report._asdict())
    return report


def _facts(made: Made, report: OutputReport) -> FileFacts:
    facts = FileFacts(
        report.name,
        report.format.value,
        report.bytes,
        report.sha256,
        report.width,
        report.height,
        frames=made.frames,
        duration_seconds=made.seconds,
        video=made.video,
    )
    return look_at(made.image).of(facts) if made.image else facts
