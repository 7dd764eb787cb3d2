"""Traces, where the environment names a collector: the standard OTEL_ variables say where and what.

Without one nothing of OpenTelemetry is imported, and whoever traces asks once whether it should.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from darkroom_core.trace_context import TraceContext

if TYPE_CHECKING:
    from darkroom_core.span_export import Exporter

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

Kind = Literal["INTERNAL", "SERVER", "CLIENT"]


class TracingUnavailableError(Exception):
    """A collector is named, but what speaks to it is not installed."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the work that is over; times in seconds since 1970."""

    name: str
    context: TraceContext
    parent: TraceContext | None
    start: float
    end: float
    kind: Kind = "INTERNAL"
    attributes: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    error: str | None = None
    """What went wrong; None where nothing did."""


class Tracing:
    """Begins traces and tells what became of them."""

    def __init__(self, exporter: "Exporter") -> None:
        self._exporter = exporter

    def begin(self, name: str, parent: TraceContext | None) -> TraceContext:
        """Return a new span, of the parent's trace or of a new one, as the sampler decides."""
        return self._exporter.new_context(name, parent)

    def below(self, parent: TraceContext) -> TraceContext:
        """Return a new span of a trace about which the sampler has decided."""
        return parent.child(self._exporter.new_span_id())

    def tell(self, span: Span) -> None:
        """Have it exported soon, if its trace is sampled; returns at once."""
        if span.context.is_sampled:
            self._exporter.tell(span)

    def close(self) -> None:
        """Export what is left, if the collector takes it."""
        self._exporter.close()


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether the environment names a collector and does not say that nothing is sent there."""
    return (
        any(environment.get(name) for name in _ENDPOINTS)
        and environment.get("OTEL_SDK_DISABLED", "").lower() != "true"
        and environment.get("OTEL_TRACES_EXPORTER", "otlp") == "otlp"
    )


def open_tracing(service: str, environment: Mapping[str, str]) -> Tracing | None:
    """Return what traces this service, or None where traces are off."""
    if not is_wanted(environment):
        return None
    try:
        from darkroom_core.span_export import Exporter  # noqa: PLC0415  # 30 MB and 0.3 s
    except ModuleNotFoundError as error:
        raise TracingUnavailableError(
            f"{_ENDPOINTS[1]} is set, but {error.name} is not installed: install {service} with "
            "its extra `tracing`, or unset the variable"
        ) from error
    return Tracing(Exporter(service))


def now() -> float:
    """Return the time of a span's begin or end."""
    return time.time()
