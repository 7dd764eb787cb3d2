"""The files of an assignment: signed requests over the network."""

from darkroom_processor.assignment import AssignedOutput, Assignment
from darkroom_processor.fetch import fetch
from darkroom_processor.progress import Progress
from darkroom_processor.store import store


class NetworkFiles:
    """Fetches from and stores to the URLs of one assignment."""

    def __init__(self, assignment: Assignment) -> None:
        """Nothing is connected to until it is needed."""
        self._source = assignment.source
        self._progress = Progress(assignment.progress)

    def fetch(self, path: str, limit: int) -> int:
        """Write the source to `path`; return its length in bytes, at most `limit`."""
        return fetch(self._source, path, limit)

    def store(self, output: AssignedOutput, data: bytes) -> None:
        """Put one output whole."""
        store(output.output.name, output.request, data)

    def progress(self, percent: int) -> None:
        """Post how far the task is, where that is due; returns at once."""
        self._progress(percent)
