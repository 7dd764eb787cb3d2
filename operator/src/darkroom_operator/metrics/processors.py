"""What processors did, as their reports tell: nothing has to be fetched from a pod that is gone."""

from collections.abc import Sequence
from typing import Final

from darkroom_core.recipe import all_files
from darkroom_core.report import Report
from darkroom_core.task import TaskStatus
from prometheus_client import Counter, Histogram

from darkroom_operator.children import Pod
from darkroom_operator.metrics.words import Words
from darkroom_operator.task import Task
from darkroom_operator.tries import newly_ended, report_of

_SECONDS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)
_MEBIBYTE: Final = 1024 * 1024
_MEMORY: Final = tuple(_MEBIBYTE * size for size in (16, 32, 64, 128, 256, 512, 1024, 2048, 4096))
_MEGAPIXELS: Final = (0.1, 0.3, 1, 3, 6, 12, 24, 50, 100, 200, 500)

STEP_SECONDS: Final = Histogram(
    "darkroom_processor_step_seconds",
    "Time that a processor spent on a step. Of steps that are done for several outputs side by "
    "side it is the sum, and a step of less than half a millisecond is left out.",
    ["step"],
    buckets=_SECONDS,
)
PEAK_MEMORY: Final = Histogram(
    "darkroom_processor_peak_memory_bytes",
    "The most memory that a processor had, failed tries included.",
    buckets=_MEMORY,
)
MEGAPIXELS: Final = Histogram(
    "darkroom_processor_megapixels",
    "Width x height of a source, in millions of pixels.",
    buckets=_MEGAPIXELS,
)
BYTES: Final = Counter(
    "darkroom_processor_bytes_total",
    "Bytes that were read of sources and overlays, and written as outputs.",
    ["direction"],
)
FILES: Final = Counter(
    "darkroom_processor_files_total",
    "Sources that were read, of tasks with one source, and outputs that were written, by format. "
    "After 64 different formats: other.",
    ["direction", "format"],
)
READ, WRITTEN = "read", "written"
for _direction in (READ, WRITTEN):
    BYTES.labels(_direction)

_FORMATS: Final = Words()


def ended(task: Task, status: TaskStatus, pods: Sequence[Pod]) -> None:
    """Count the reports of the tries that the written status tells to have ended since."""
    new = newly_ended(task.status, status, pods)
    if not new or task.spec is None:
        return
    files = all_files(task.spec.outputs)
    for pod in new:
        if report := report_of(pod, files):
            _count(report)


def _count(report: Report) -> None:
    if report.timings:
        for step, milliseconds in report.timings:
            if milliseconds > 0:
                STEP_SECONDS.labels(step).observe(milliseconds / 1000)
    if report.peak_memory_bytes:
        PEAK_MEMORY.observe(report.peak_memory_bytes)
    if source := report.source:
        FILES.labels(READ, _FORMATS.of(source.format)).inc()
        if source.width and source.height:
            MEGAPIXELS.observe(source.width * source.height / 1e6)
    read = source.bytes if report.read_bytes is None and source else report.read_bytes
    BYTES.labels(READ).inc(max(0, read or 0))
    for output in report.outputs:
        FILES.labels(WRITTEN, _FORMATS.of(output.format.value)).inc()
        BYTES.labels(WRITTEN).inc(max(0, output.bytes))
