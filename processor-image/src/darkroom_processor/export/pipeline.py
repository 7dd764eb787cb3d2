"""An Export: the source's lines as tables, or the sources as a ZIP."""

import importlib
import os
import time
from collections.abc import Iterator
from typing import Final

from darkroom_core.vocabulary import Format

from darkroom_processor.documents import (
    AssignedOutput,
    Assignment,
    FileFacts,
    OutputReport,
    Report,
    SourceReport,
    Timings,
)
from darkroom_processor.errors import Code, Rejected
from darkroom_processor.export import archive, comma_separated
from darkroom_processor.export.columns import columns_of
from darkroom_processor.export.lines import Row, rows_of
from darkroom_processor.image.facts import SOURCE, digest_of, encoded
from darkroom_processor.log import log
from darkroom_processor.steps import since
from darkroom_processor.tasks import Files

_LINES: Final = "jsonl"
_FETCHED: Final = 10
"""Percent of a table's task that is done by then."""


def process(assignment: Assignment, files: Files, folder: str) -> Report:
    """Do a task; raises ProcessingError for an end that was foreseen."""
    is_archive = all(each.output.format is Format.ZIP for each in assignment.outputs)
    if is_archive:
        return _archive(assignment, files, folder)
    start = time.monotonic()
    path = f"{folder}/source"
    size = files.fetch(assignment.sources[0], path, assignment.limits.source_bytes)
    source = SourceReport(_LINES, size, digest_of(path))
    files.progress(_FETCHED)
    timings = Timings(fetch=since("fetch", start))
    reports: list[OutputReport] = []
    for number, assigned in enumerate(assignment.outputs):
        start = time.monotonic()
        counted = _Counted(path, files, number, len(assignment.outputs))
        made = _table(assigned, path, counted, folder)
        timings = timings._replace(render=timings.render + since("render", start))
        start = time.monotonic()
        reports.append(_stored(files, assigned, made))
        timings = timings._replace(store=timings.store + since("store", start))
    facts = FileFacts(SOURCE, source.format, source.bytes, source.sha256)
    _tell(assignment, files, [facts], reports)
    return Report(source=source, outputs=tuple(reports), timings=timings)


def _archive(assignment: Assignment, files: Files, folder: str) -> Report:
    reports: list[OutputReport] = []
    told: list[FileFacts] = []
    timings = Timings()
    for assigned in assignment.outputs:
        start = time.monotonic()
        path = f"{folder}/archive"
        entries = archive.write(path, assignment, files, folder)
        told = [
            FileFacts(str(e["name"]), "file", int(str(e["bytes"])), str(e["sha256"]))
            for e in entries
        ]
        timings = timings._replace(fetch=timings.fetch + since("fetch", start))
        start = time.monotonic()
        reports.append(_stored(files, assigned, path))
        timings = timings._replace(store=timings.store + since("store", start))
    _tell(assignment, files, told, reports)
    return Report(outputs=tuple(reports), timings=timings)


class _Counted:
    """The rows of a file; tells how far they are read."""

    def __init__(self, path: str, files: Files, number: int, outputs: int) -> None:
        self._path, self._files = path, files
        self._base, self._share = number / outputs, 1 / outputs
        self._bytes = max(1, os.stat(path).st_size)  # noqa: PTH116  # pathlib is slow to import

    def __iter__(self) -> Iterator[Row]:
        return rows_of(self._path, self._tell)

    def _tell(self, read: int) -> None:
        done = self._base + self._share * read / self._bytes
        self._files.progress(_FETCHED + int((100 - _FETCHED) * done))


def _table(assigned: AssignedOutput, source: str, rows: _Counted, folder: str) -> str:
    output = assigned.output
    path = f"{folder}/table"
    columns = columns_of(source, output.table)
    if output.format is Format.CSV:
        comma_separated.write(path, columns, rows)
    elif output.format is Format.XLSX:
        # Slow to import, as is the next: only who needs it pays.
        module = importlib.import_module("darkroom_processor.export.spreadsheet")
        module.write(path, columns, rows, folder)
    elif output.format is Format.PARQUET:
        module = importlib.import_module("darkroom_processor.export.parquet")
        module.write(path, columns, source, folder)
    else:
        raise Rejected(
            Code.INVALID_ASSIGNMENT,
            f"A table cannot be {output.format.value}. Use csv, xlsx or parquet.",
        )
    return path


def _stored(files: Files, assigned: AssignedOutput, path: str) -> OutputReport:
    file = assigned.files[0]
    size = os.stat(path).st_size  # noqa: PTH116  # pathlib is slow to import
    report = OutputReport(file.name, file.format, size, digest_of(path))
    files.store_file(file, path)
    os.remove(path)  # noqa: PTH107  # as above
    log("output", **report._asdict())
    return report


def _tell(
    assignment: Assignment, files: Files, sources: list[FileFacts], reports: list[OutputReport]
) -> None:
    if assignment.facts is not None:
        outputs = [FileFacts(r.name, r.format.value, r.bytes, r.sha256) for r in reports]
        files.put_facts(encoded(sources, outputs))
