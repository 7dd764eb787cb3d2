"""The end of a process, and who may bring it about: the work itself, SIGTERM, or the clock.

In its container the processor is process 1: without a handler the kernel would drop SIGTERM, and a
handler in Python waits until a long call into C returns. So the signal is blocked before any thread
starts, and one thread does nothing but wait for it.
"""

import os
import signal
import threading
import time
from collections.abc import Sequence
from typing import Final, NoReturn

from darkroom_core.exit_codes import ExitCode

from darkroom_processor import steps
from darkroom_processor.documents import AssignedFile, Report, TaskError
from darkroom_processor.errors import Code, ProcessingError, TryAgain
from darkroom_processor.log import log
from darkroom_processor.report import error_of, pack, peak_memory

LOG_VARIABLE: Final = "DARKROOM_TERMINATION_LOG"
_KUBELET_READS: Final = "/dev/termination-log"
_TERMINATED: Final = TaskError(
    Code.TERMINATED,
    "The processor was stopped before it was done: its task was canceled or its node is drained.",
    retryable=True,
)
_ending = threading.Lock()


def watch(started: float, seconds: int) -> None:
    """End the process at SIGTERM, or `seconds` after `started` (of the monotonic clock).

    SIGTERM must be blocked since before the first thread started.
    """
    threading.Thread(target=_watch, args=(started + seconds, seconds), daemon=True).start()


def _watch(deadline: float, seconds: int) -> None:
    if signal.sigtimedwait({signal.SIGTERM}, max(0.0, deadline - time.monotonic())) is not None:
        end(Report(error=_TERMINATED), ExitCode.TERMINATED)
    error = TryAgain(
        Code.OUT_OF_TIME,
        f"The task took longer than {seconds} seconds, the longest time for one try. It is tried "
        "again; if that does not help, send a smaller picture or ask for fewer outputs.",
    )
    end_with(error)


def end_with(error: ProcessingError) -> NoReturn:
    """Report a foreseen error and end the process."""
    end(Report(error=error_of(error)), error.exit_code)


def end(report: Report, code: ExitCode, files: Sequence[AssignedFile] = ()) -> NoReturn:
    """Write the report and end the process, whatever other threads do; the first call wins."""
    if not _ending.acquire(blocking=False):
        threading.Event().wait()
    peak = peak_memory()
    report = report._replace(
        peak_memory_bytes=peak, started=round(steps.STARTED_AT, 3), steps=steps.taken()
    )
    if report.error:
        error = report.error
        log(
            error.message,
            level="error",
            code=error.code,
            retryable=error.retryable,
            exitCode=int(code),
        )
    else:
        log("done", timings=report.timings and report.timings._asdict(), peakMemoryBytes=peak)
    path = os.environ.get(LOG_VARIABLE, _KUBELET_READS)
    try:
        with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123  # pathlib is slow to import
            file.write(pack(report, files))
    except OSError as problem:
        log(f"no report: {problem}", level="error", path=path)
    os._exit(code)
