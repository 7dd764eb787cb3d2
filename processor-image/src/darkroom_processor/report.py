"""Writing a report: the core's document, without the core's models.

Only a report too long for the kubelet's 4,096 bytes (some 25 files) pays for importing the core,
which knows how to pack it.
"""

import json
import resource
from collections.abc import Sequence
from typing import Any, Final

from darkroom_processor.documents import AssignedFile, Report, TaskError
from darkroom_processor.errors import Code, ProcessingError

_MAX_BYTES: Final = 4096


def document(value: Any) -> Any:  # noqa: ANN401  # any document, or a part of one
    """Return a document as plain JSON data, without what is not set."""
    if hasattr(value, "_fields"):
        fields = ((_camel(name), getattr(value, name)) for name in value._fields)
        return {name: document(each) for name, each in fields if each is not None}
    if isinstance(value, tuple):
        return [document(each) for each in value]
    return value


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


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


def peak_memory() -> int:
    """Return the most bytes that this process has had in memory."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:  # noqa: PTH123  # pathlib is slow to import
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    # Sandboxes such as gVisor do not tell. This figure begins with what the parent had at the fork.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def pack(report: Report, files: Sequence[AssignedFile]) -> str:
    """Return the report as a termination message of at most 4,096 bytes."""
    plain = document(report)
    text = json.dumps(plain, separators=(",", ":"))
    if len(text) <= _MAX_BYTES:
        return text
    from darkroom_core import recipe  # noqa: PLC0415  # slow to import, seldom needed
    from darkroom_core import report as core  # noqa: PLC0415  # as above

    assigned = [recipe.File(file.name, file.format) for file in files]
    return core.pack(core.Report.model_validate(plain), assigned)
