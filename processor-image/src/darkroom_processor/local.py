"""A recipe on local files, by the same steps as in a cluster: for whoever writes recipes."""

import json
import shutil
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from darkroom_core.exit_codes import ExitCode
from darkroom_core.vocabulary import TaskType

from darkroom_processor.documents import (
    AssignedFile,
    AssignedSource,
    Assignment,
    Facts,
    Report,
    SignedRequest,
)
from darkroom_processor.errors import Code, ProcessingError, Rejected
from darkroom_processor.limits import check_source_bytes
from darkroom_processor.report import document, error_of, peak_memory
from darkroom_processor.tasks import process

_URL: Final = ("http://", "https://")


class LocalFiles:
    """Sources anywhere, outputs in one folder."""

    def __init__(self, folder: Path) -> None:
        """The folder is made where it is missing."""
        self._folder = folder

    def fetch(self, source: AssignedSource, path: str, limit: int) -> int:
        """Copy a source to `path`; return its length in bytes, at most `limit`."""
        if source.request.url.startswith(_URL):
            from darkroom_processor.fetch import fetch  # noqa: PLC0415  # seldom needed here

            return fetch(source, path, limit)
        try:
            check_source_bytes(Path(source.request.url).stat().st_size, limit)
            shutil.copyfile(source.request.url, path)
        except OSError as error:
            raise Rejected(
                Code.SOURCE_NOT_FOUND, f"{source.request.url} cannot be read: {error.strerror}."
            ) from error
        return Path(path).stat().st_size

    def store(self, file: AssignedFile, data: bytes) -> None:
        """Write `<folder>/<name>.<extension>`."""
        self._path(f"{file.name}.{file.format.extension}").write_bytes(data)

    def store_file(self, file: AssignedFile, path: str) -> None:
        """Copy a file to `<folder>/<name>.<extension>`."""
        shutil.copyfile(path, self._path(f"{file.name}.{file.format.extension}"))

    def put_facts(self, data: bytes) -> None:
        """Write `<folder>/facts.json`."""
        self._path("facts.json").write_bytes(data)

    def put_report(self, report: Report) -> None:
        """Write `<folder>/report.json`."""
        text = json.dumps(document(report), indent=2)
        self._path("report.json").write_text(f"{text}\n", encoding="utf-8")

    def progress(self, percent: int) -> None:
        """Say how far it is to whoever looks at a terminal."""
        if sys.stderr.isatty():
            print(f"\r{percent:3d} %\r", end="", file=sys.stderr, flush=True)  # noqa: T201  # for people

    def _path(self, name: str) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / name


class Kept(LocalFiles):
    """Files of which nothing is written; the facts are kept."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        super().__init__(Path())
        self.facts = b""

    def put_facts(self, data: bytes) -> None:
        """Keep the facts."""
        self.facts = data


class Run(NamedTuple):
    """What came of one task."""

    report: Report
    exit_code: ExitCode


def run(assignment: Assignment, folder: Path) -> Run:
    """Do a task on local files; write its outputs, facts.json and report.json to the folder."""
    files = LocalFiles(folder)
    done = _done(assignment, files)
    files.put_report(done.report._replace(peak_memory_bytes=peak_memory()))
    return done


def inspect(path: str) -> tuple[Run, list[str]]:
    """Return how it ended, and the facts of a file as lines of JSON."""
    files = Kept()
    done = _done(
        Assignment(
            path,
            TaskType.INSPECT,
            (AssignedSource(SignedRequest(path)),),
            facts=SignedRequest(""),
        ),
        files,
    )
    if done.exit_code is not ExitCode.DONE:
        return done, []
    facts: dict[str, list[dict[str, object]]] = json.loads(files.facts)
    return done, [
        json.dumps({**each, "name": path}, ensure_ascii=False) for each in facts[Facts._fields[0]]
    ]


def _done(assignment: Assignment, files: LocalFiles) -> Run:
    try:
        return Run(process(assignment, files, tempfile.gettempdir()), ExitCode.DONE)
    except ProcessingError as error:
        return Run(Report(error=error_of(error)), error.exit_code)
    except Exception as error:  # noqa: BLE001  # the process's edge: all that is left is a defect
        traceback.print_exception(error)
        return Run(Report(error=error_of(error)), ExitCode.INTERNAL)


def folders_for(sources: Sequence[str], folder: Path) -> list[Path]:
    """Return where the outputs of each source go: into a folder of its own, when they are many."""
    if len(sources) == 1:
        return [folder]
    taken: set[str] = set()
    folders = []
    for source in sources:
        stem = Path(source).stem or "file"
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name)
        folders.append(folder / name)
    return folders
