"""What is done for each type of task, and what that needs of the outside."""

import importlib
import os
import shutil
import threading
from typing import Final, Protocol

from darkroom_core.vocabulary import TaskType

from darkroom_processor import limits
from darkroom_processor.documents import AssignedFile, AssignedSource, Assignment, Report
from darkroom_processor.errors import Code, Rejected

_MODULES: Final = {
    TaskType.IMAGE: "image.pipeline",
    TaskType.INSPECT: "image.inspect",
    TaskType.VIDEO: "video.pipeline",
    TaskType.REPORT: "report_pages.pipeline",
    TaskType.EXPORT: "export.pipeline",
    TaskType.CLEANUP: "cleanup",
}
"""Where each type's `process(assignment, files, folder)` is; imported when it is needed."""


class Files(Protocol):
    """Where bytes come from and go to: the network, or folders."""

    def fetch(self, source: AssignedSource, path: str, limit: int) -> int:
        """Write a source to `path`; return its length in bytes, at most `limit`."""

    def store(self, file: AssignedFile, data: bytes) -> None:
        """Write one file of an output whole."""

    def store_file(self, file: AssignedFile, path: str) -> None:
        """Write one file of an output from a file here: it may be larger than the memory."""

    def put_facts(self, data: bytes) -> None:
        """Write the facts of the task, where they are wanted."""

    def progress(self, percent: int) -> None:
        """Say how far the task is; returns at once."""


class Bounded:
    """Files that take no more than so many bytes of outputs in all, and count what is read.

    Several threads may use them.
    """

    def __init__(self, files: Files, limit: int) -> None:
        """Nothing is read or written yet."""
        self._files, self._limit = files, limit
        self.read = 0
        """Bytes of sources and overlays."""
        self._written = 0
        self._lock = threading.Lock()

    def fetch(self, source: AssignedSource, path: str, limit: int) -> int:
        """Write a source to `path`; return its length in bytes, at most `limit`."""
        size = self._files.fetch(source, path, limit)
        with self._lock:
            self.read += size
        return size

    def store(self, file: AssignedFile, data: bytes) -> None:
        """Write one file of an output whole; raises Rejected where it is too much."""
        self._count(len(data))
        self._files.store(file, data)

    def store_file(self, file: AssignedFile, path: str) -> None:
        """Write one file of an output from a file here; raises Rejected where it is too much."""
        self._count(os.stat(path).st_size)  # noqa: PTH116  # pathlib is slow to import
        self._files.store_file(file, path)

    def put_facts(self, data: bytes) -> None:
        """Write the facts of the task, where they are wanted."""
        self._files.put_facts(data)

    def progress(self, percent: int) -> None:
        """Say how far the task is; returns at once."""
        self._files.progress(percent)

    def _count(self, size: int) -> None:
        with self._lock:
            self._written += size
            limits.check_output_bytes(self._written, self._limit)


def process(assignment: Assignment, files: Files, temporary: str = "/tmp") -> Report:  # noqa: S108
    """Do a task; raises ProcessingError for an end that was foreseen.

    `temporary` is a folder in which a new one is made for whatever is needed, and removed again.
    """
    module = _MODULES.get(assignment.type)
    if module is None:
        raise Rejected(
            Code.INVALID_ASSIGNMENT,
            f"This processor knows no tasks of type {assignment.type.value}. Use a newer one.",
        )
    folder = os.path.join(temporary, f"darkroom-{os.urandom(8).hex()}")  # noqa: PTH118
    os.mkdir(folder, 0o700)  # noqa: PTH102  # pathlib is slow to import
    bounded = Bounded(files, limits.MAX_OUTPUT_BYTES)
    try:
        report: Report = importlib.import_module(f"darkroom_processor.{module}").process(
            assignment, bounded, folder
        )
    except MemoryError as error:
        raise Rejected(
            Code.OUT_OF_MEMORY,
            "The task needs more memory than the processor may use. Send a smaller picture, ask "
            "for smaller or fewer outputs, or give the processor more memory.",
        ) from error
    else:
        return report._replace(read_bytes=bounded.read)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
