"""The command: one task, then the end of the process; or a recipe on local files."""

import os
import sys
import time
import traceback
from typing import NoReturn

from darkroom_core import trace_context
from darkroom_core.exit_codes import ExitCode
from darkroom_core.log_line import without_secrets
from darkroom_core.names import ASSIGNMENT_VARIABLE

from darkroom_processor import watchdog
from darkroom_processor.assignment import read_assignment
from darkroom_processor.documents import Assignment, Report
from darkroom_processor.errors import ProcessingError
from darkroom_processor.log import be_about, log
from darkroom_processor.report import error_of


def main() -> NoReturn:
    """Do what the arguments say; without any, the task in the environment.

    Without arguments, SIGTERM must have been blocked by the caller.
    """
    if len(sys.argv) > 1:
        from darkroom_processor import command_line  # noqa: PLC0415  # a pod has no use for it

        sys.exit(command_line.main(sys.argv[1:]))
    started = time.monotonic()
    try:
        assignment = read_assignment(os.environ.get(ASSIGNMENT_VARIABLE, ""))
        watchdog.watch(started, assignment.limits.seconds)
        be_about(task=assignment.task)
        if context := trace_context.read(os.environ.get(trace_context.VARIABLE)):
            be_about(trace=context.trace_id)
        log("started", outputs=len(assignment.outputs))
        report = _process(assignment)
    except ProcessingError as error:
        watchdog.end_with(error)
    except BaseException as error:  # noqa: BLE001  # the process's edge: all that is left is a defect
        log("defect", level="error", exception=without_secrets(traceback.format_exc()))
        watchdog.end(Report(error=error_of(error)), ExitCode.INTERNAL)
    files = [file for output in assignment.outputs for file in output.files]
    watchdog.end(report, ExitCode.DONE, files)


def _process(assignment: Assignment) -> Report:
    # Pillow takes a while to import: SIGTERM is watched for by now.
    from darkroom_processor.network import NetworkFiles  # noqa: PLC0415
    from darkroom_processor.tasks import process  # noqa: PLC0415

    return process(assignment, NetworkFiles(assignment))
