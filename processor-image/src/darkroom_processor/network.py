"""The files of an assignment: signed requests over the network."""

from darkroom_processor.documents import AssignedFile, AssignedSource, Assignment
from darkroom_processor.fetch import fetch
from darkroom_processor.progress import Progress
from darkroom_processor.store import store, store_file

_FACTS = "facts"


class NetworkFiles:
    """Fetches from and stores to the URLs of one assignment."""

    def __init__(self, assignment: Assignment) -> None:
        """Nothing is connected to until it is needed."""
        self._facts = assignment.facts
        self._progress = Progress(assignment.progress)

    def fetch(self, source: AssignedSource, path: str, limit: int) -> int:
        """Write a source to `path`; return its length in bytes, at most `limit`."""
        return fetch(source, path, limit)

    def store(self, file: AssignedFile, data: bytes) -> None:
        """Put one file of an output whole."""
        store(file.name, file.request, data)

    def store_file(self, file: AssignedFile, path: str) -> None:
        """Put one file of an output, read while it is sent."""
        store_file(file.name, file.request, path)

    def put_facts(self, data: bytes) -> None:
        """Put the facts of the task, where they are wanted."""
        if self._facts is not None:
            store(_FACTS, self._facts, data)

    def progress(self, percent: int) -> None:
        """Post how far the task is, where that is due; returns at once."""
        self._progress(percent)
