"""W3C trace context: how the parts of one trace find each other, whoever exports their spans.

A traceparent goes with a task from the request that made it to the row, the resource, the Job and
the webhook. Ids that two parts must agree on follow from the task, so that nothing has to be kept.
"""

import hashlib
import re
from contextvars import ContextVar
from typing import Final, NamedTuple

HEADER: Final = "traceparent"
VARIABLE: Final = "TRACEPARENT"
"""The environment variable that carries it into a process (OpenTelemetry)."""

_FORM: Final = r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
_SAMPLED: Final = 1


class TraceContext(NamedTuple):
    """A span, as those below it know it."""

    trace_id: str
    span_id: str
    is_sampled: bool

    @property
    def traceparent(self) -> str:
        """The text that is passed on."""
        return f"00-{self.trace_id}-{self.span_id}-{int(self.is_sampled):02x}"

    def child(self, *of: object) -> "TraceContext":
        """Return the span below this one whose id follows from what it is about."""
        digest = hashlib.sha256("/".join([self.trace_id, *map(str, of)]).encode()).hexdigest()
        return self._replace(span_id=digest[:16])


CURRENT: Final[ContextVar[TraceContext | None]] = ContextVar("trace_context", default=None)
"""The span that what is done now belongs to; None where nothing is traced."""


def read(text: str | None) -> TraceContext | None:
    """Return what a traceparent says; None where it is none."""
    # Compiled at the first use, for a processor starts without it.
    found = re.fullmatch(_FORM, text or "")
    if found is None or not int(found[1], 16) or not int(found[2], 16):
        return None
    return TraceContext(found[1], found[2], bool(int(found[3], 16) & _SAMPLED))


def starting(parent: TraceContext, task_uid: str, number: int) -> TraceContext:
    """Return the reconciliation that starts a task's try."""
    return parent.child(task_uid, number, "start")


def processing(parent: TraceContext, task_uid: str, number: int) -> TraceContext:
    """Return the work of a try's processor, which its own spans are below."""
    return parent.child(task_uid, number, "process")
