"""The one module that knows the OpenTelemetry SDK: it samples, batches and exports spans.

Spans are handed over when they are over, with the ids that they were begun with: a span may have
been told of in another process, and by its id before it began.
"""

from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from darkroom_core.trace_context import TraceContext
from darkroom_core.tracing import Span

_SCOPE: Final = InstrumentationScope("darkroom")
_NANOSECONDS: Final = 1_000_000_000


class Exporter:
    """Exports to the collector that the environment names, from a thread of its own."""

    def __init__(self, service: str) -> None:
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are stronger.
        default = Resource({SERVICE_NAME: service})
        named = Resource.create()
        is_named = not str(named.attributes[SERVICE_NAME]).startswith("unknown_service")
        self._resource = named if is_named else named.merge(default)
        self._provider = TracerProvider(resource=self._resource, shutdown_on_exit=False)
        self._batches = BatchSpanProcessor(OTLPSpanExporter())

    def new_context(self, name: str, parent: TraceContext | None) -> TraceContext:
        """Return a new span; whether it is sampled, OTEL_TRACES_SAMPLER says."""
        above = None
        if parent:
            above = trace.set_span_in_context(trace.NonRecordingSpan(_context_of(parent)))
        trace_id = (
            int(parent.trace_id, 16) if parent else self._provider.id_generator.generate_trace_id()
        )
        sampled = self._provider.sampler.should_sample(above, trace_id, name)
        return TraceContext(
            f"{trace_id:032x}", self.new_span_id(), sampled.decision is Decision.RECORD_AND_SAMPLE
        )

    def new_span_id(self) -> str:
        """Return an id that no span has."""
        return f"{self._provider.id_generator.generate_span_id():016x}"

    def tell(self, span: Span) -> None:
        """Put a span into the next batch."""
        status = Status(StatusCode.ERROR, span.error) if span.error is not None else Status()
        self._batches.on_end(
            ReadableSpan(
                span.name,
                context=_context_of(span.context),
                parent=_context_of(span.parent) if span.parent else None,
                resource=self._resource,
                attributes=span.attributes,
                kind=SpanKind[span.kind],
                status=status,
                start_time=int(span.start * _NANOSECONDS),
                end_time=int(span.end * _NANOSECONDS),
                instrumentation_scope=_SCOPE,
            )
        )

    def close(self) -> None:
        """Export what waits, and end."""
        self._batches.shutdown()  # type: ignore[no-untyped-call]  # the SDK


def _context_of(context: TraceContext) -> SpanContext:
    return SpanContext(
        int(context.trace_id, 16),
        int(context.span_id, 16),
        is_remote=False,
        trace_flags=TraceFlags(context.is_sampled),
    )
