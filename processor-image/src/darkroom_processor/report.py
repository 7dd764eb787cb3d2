"""The report this processor writes: the core's document, without the core's models.

Only a report too long for the kubelet's 4,096 bytes (some 25 outputs) pays for importing the core,
which knows how to pack it.
"""

import json
from typing import Any, Final, NamedTuple

from darkroom_processor.errors import Code, ProcessingError

_MAX_BYTES: Final = 4096


class OutputReport(NamedTuple):
    """One file that was written: size in pixels, length in bytes."""

    name: str
    format: str
    width: int
    height: int
    bytes: int
    sha256: str


class TaskError(NamedTuple):
    """Why the task failed."""

    code: str
    message: str
    retryable: bool


class Timings(NamedTuple):
    """Where the time went, in milliseconds; of outputs made side by side, the sum."""

    fetch: int = 0
    decode: int = 0
    render: int = 0
    store: int = 0


class Report(NamedTuple):
    """What the processor did: all outputs, or an error."""

    outputs: tuple[OutputReport, ...] = ()
    error: TaskError | None = None
    timings: Timings | None = None
    peak_memory_bytes: int | None = None

    def document(self) -> dict[str, Any]:
        """Return the report as plain JSON data, without what is not set."""
        document = {
            "outputs": [output._asdict() for output in self.outputs],
            "error": self.error and self.error._asdict(),
            "timings": self.timings and self.timings._asdict(),
            "peakMemoryBytes": self.peak_memory_bytes,
        }
        return {name: value for name, value in document.items() if value is not None}


def error_of(error: BaseException) -> TaskError:
    """Return an exception as the report says it; a defect's details stay in the log."""
    if isinstance(error, ProcessingError):
        return TaskError(error.code, error.message, error.retryable)
    return TaskError(
        Code.INTERNAL,
        f"The processor failed ({type(error).__name__}). It is tried again; if that does not help, "
        "report the defect with the log of the task's pod.",
        retryable=True,
    )


def pack(report: Report) -> str:
    """Return the report as a termination message of at most 4,096 bytes."""
    text = json.dumps(report.document(), separators=(",", ":"))
    if len(text) <= _MAX_BYTES:
        return text
    from darkroom_core import report as core  # noqa: PLC0415  # slow to import, seldom needed

    return core.pack(core.Report.model_validate(report.document()))
