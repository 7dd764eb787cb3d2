"""A Report: all sources are fetched, then each output is written page by page."""

import os
import time
from typing import Final

from PIL import Image

from darkroom_processor.documents import (
    AssignedOutput,
    Assignment,
    FileFacts,
    OutputReport,
    Pages,
    Report,
    Timings,
)
from darkroom_processor.errors import Code, Rejected
from darkroom_processor.image.facts import digest_of, encoded
from darkroom_processor.image.inspect import inspect_file
from darkroom_processor.image.overlays import fetch_overlays
from darkroom_processor.log import log
from darkroom_processor.report_pages import pdf
from darkroom_processor.report_pages.picture import Item, Picture, picture_of, unreadable
from darkroom_processor.steps import since
from darkroom_processor.tasks import Files

_FETCHED: Final = 40
"""Percent of a task that is done by then."""


def process(assignment: Assignment, files: Files, folder: str) -> Report:
    """Do a task; raises ProcessingError for an end that was foreseen."""
    start = time.monotonic()
    items = _fetched(assignment, files, folder)
    overlays = fetch_overlays(assignment, files, f"{folder}/source")
    timings = Timings(fetch=since("fetch", start))
    log("fetched", sources=len(items), milliseconds=timings.fetch)
    reports: list[OutputReport] = []
    told: list[FileFacts] = []
    for number, assigned in enumerate(assignment.outputs):
        start = time.monotonic()
        path = f"{folder}/{number}.pdf"
        count = _write(assignment, assigned, items, overlays, files, path)
        timings = timings._replace(render=timings.render + since("render", start))
        start = time.monotonic()
        file, digest = assigned.files[0], digest_of(path)
        files.store_file(file, path)
        size = os.stat(path).st_size  # noqa: PTH116  # pathlib is slow to import
        reports.append(OutputReport(file.name, file.format, size, digest))
        told.append(FileFacts(file.name, file.format.value, size, digest, frames=count))
        timings = timings._replace(store=timings.store + since("store", start))
        log("output", name=file.name, pages=count, bytes=size)
    if assignment.facts is not None:
        sources = [
            inspect_file(item.path, item.bytes, item.caption, assignment)[1] for item in items
        ]
        files.put_facts(encoded(sources, told))
    return Report(outputs=tuple(reports), timings=timings)


def _fetched(assignment: Assignment, files: Files, folder: str) -> list[Item]:
    items: list[Item] = []
    for number, source in enumerate(assignment.sources):
        item = Item(f"{folder}/{number}", source.name or f"source {number + 1}", 0)
        try:
            size = files.fetch(source, item.path, assignment.limits.source_bytes)
        except Rejected as error:
            raise unreadable(item, error) from error
        items.append(item._replace(bytes=size))
        files.progress(_FETCHED * (number + 1) // len(assignment.sources))
    return items


def _write(  # noqa: PLR0913, PLR0917  # what a report is made of
    assignment: Assignment,
    assigned: AssignedOutput,
    items: list[Item],
    overlays: dict[str, Image.Image],
    files: Files,
    path: str,
) -> int:
    if not items:
        raise Rejected(Code.INVALID_ASSIGNMENT, "The report has no sources. Name one at least.")
    done = 0

    def one(item: Item, place: tuple[float, float]) -> Picture:
        nonlocal done
        picture = picture_of(item, place, assigned.output, assignment, overlays)
        # It has been renamed when it was opened first.
        items[items.index(item)] = item._replace(path=picture.path)
        done += 1
        files.progress(_FETCHED + (100 - _FETCHED) * done // (len(items) + 1))
        return picture

    return pdf.write(path, assigned.output.pages or Pages(), tuple(items), one)
