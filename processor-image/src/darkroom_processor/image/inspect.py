"""Tasks of type Inspect: the facts of pictures and videos; nothing is made."""

import importlib
import time
from typing import Final

from darkroom_processor import limits
from darkroom_processor.documents import (
    AssignedSource,
    Assignment,
    FileFacts,
    Report,
    SourceReport,
    Timings,
)
from darkroom_processor.image import facts
from darkroom_processor.image.decode import Draft, Wanted, decode, open_source
from darkroom_processor.image.sniff import MAGIC_LENGTH
from darkroom_processor.log import log
from darkroom_processor.steps import since
from darkroom_processor.tasks import Files

_ENOUGH: Final = (64, 64)
"""A JPEG is decoded no larger than this needs: the eighth part of most."""


def process(assignment: Assignment, files: Files, folder: str) -> Report:
    """Do a task; raises ProcessingError for an end that was foreseen."""
    timings = Timings()
    told: list[tuple[SourceReport, FileFacts]] = []
    for number, source in enumerate(assignment.sources):
        path = f"{folder}/source-{number}"
        start = time.monotonic()
        size = files.fetch(source, path, assignment.limits.source_bytes)
        fetch = since("fetch", start)
        start = time.monotonic()
        told.append(inspect_file(path, size, _name_of(source, number, assignment), assignment))
        timings = timings._replace(
            fetch=timings.fetch + fetch,
            decode=timings.decode + since("decode", start),
        )
        files.progress(100 * (number + 1) // len(assignment.sources))
    log("inspected", sources=len(told))
    files.put_facts(facts.encoded([each for _, each in told], []))
    return Report(source=told[0][0] if told else None, timings=timings)


def inspect_file(
    path: str, size: int, name: str, assignment: Assignment
) -> tuple[SourceReport, FileFacts]:
    """Return the short and the long facts of a file; it may get another name."""
    digest = facts.digest_of(path)
    with open(path, "rb") as file:  # noqa: PTH123  # pathlib is slow to import
        start = file.read(MAGIC_LENGTH)
    if _is_video(start):
        # Slow to import, and only who inspects a video pays.
        module = importlib.import_module("darkroom_processor.video.facts")
        video: FileFacts = module.facts_of(path, size, digest, name, assignment.limits)
        fields = {field: getattr(video, field) for field in SourceReport._fields}
        return SourceReport(**fields), video
    source = open_source(path, assignment.limits)
    wanted = Wanted(Draft(_ENOUGH, gray=False), metadata=True)
    base = decode(source, wanted, limits.allowed_memory())
    report = facts.source_report(source, base, size, digest)
    told = facts.source_facts(report, source, base, name)
    return report, facts.look_at(base.image, base.profile, base.orientation).of(told)


def _is_video(start: bytes) -> bool:
    return bool(importlib.import_module("darkroom_processor.video.sniff").is_video(start))


def _name_of(source: AssignedSource, number: int, assignment: Assignment) -> str:
    if len(assignment.sources) == 1:
        return facts.SOURCE
    return source.name or f"{facts.SOURCE}-{number + 1}"
