import pytest
from darkroom_core.trace_context import TraceContext, processing, read, starting
from darkroom_core.tracing import is_wanted

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(("flags", "is_sampled"), [("00", False), ("01", True), ("03", True)])
def test_a_traceparent_is_read(flags: str, is_sampled: bool) -> None:  # noqa: FBT001
    context = read(f"00-{TRACE}-{SPAN}-{flags}")
    assert context == TraceContext(TRACE, SPAN, is_sampled)
    assert context.traceparent == f"00-{TRACE}-{SPAN}-{int(is_sampled):02x}"


def test_one_of_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert read(f"cc-{TRACE}-{SPAN}-01-what-is-new") == TraceContext(TRACE, SPAN, is_sampled=True)


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "00", f"ff-{TRACE}-{SPAN}-01", f"00-{TRACE.upper()}-{SPAN}-01"),
        *(f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE}-{SPAN}"),
    ],
)
def test_what_is_none_is_ignored(text: str | None) -> None:
    assert read(text) is None


def test_ids_follow_from_the_task_and_differ_between_tries() -> None:
    parent = TraceContext(TRACE, SPAN, is_sampled=True)
    found = [one(parent, "uid", number) for one in (starting, processing) for number in (1, 2)]
    assert len({context.span_id for context in found}) == 4
    assert found[0] == starting(parent, "uid", 1)
    assert {(context.trace_id, len(context.span_id)) for context in found} == {(TRACE, 16)}


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_traces_are_on_where_a_collector_is_named(
    environment: dict[str, str],
    wanted: bool,  # noqa: FBT001
) -> None:
    assert is_wanted(environment) is wanted
