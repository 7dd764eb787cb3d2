"""A report fits the termination message and comes out as it went in."""

import hashlib

import pytest
from darkroom_core.recipe import File, Format
from darkroom_core.report import (
    MAX_BYTES,
    OutputReport,
    Report,
    Step,
    TaskError,
    Timings,
    pack,
    unpack,
)
from hypothesis import given
from hypothesis import strategies as st


def outputs_of(count: int) -> list[File]:
    return [File(f"{'o' * 59}-{i}", Format.WEBP) for i in range(count)]


def report_of(outputs: list[File]) -> Report:
    return Report(
        outputs=[
            OutputReport(
                name=output.name,
                format=output.format,
                width=16384 - i,
                height=16001 + i,
                bytes=123_456_789 + i * 1_000_003,
                sha256=hashlib.sha256(str(i).encode()).hexdigest(),
            )
            for i, output in enumerate(outputs)
        ],
        timings=Timings(fetch=12_345, decode=23_456, render=34_567, encode=45_789, store=45_678),
        peak_memory_bytes=1_234_567_890,
        read_bytes=12_345_678_901,
        started=1_798_761_600.123,
        steps=[
            Step(name=name, start=1.111 * number, seconds=123.457 / number)
            for number, name in enumerate(("fetch", "decode", "render", "encode", "store"), 1)
        ],
    )


@given(st.integers(min_value=1, max_value=64))
def test_a_report_of_any_number_of_outputs_survives_the_termination_message(count: int) -> None:
    outputs = outputs_of(count)
    report = report_of(outputs)
    text = pack(report, outputs)
    assert len(text.encode()) <= MAX_BYTES
    assert unpack(text, outputs) == report


def test_a_small_report_is_plain_json() -> None:
    assert pack(report_of(outputs_of(3)), outputs_of(3)).startswith("{")


def test_a_report_of_a_part_of_the_files_says_which() -> None:
    files = outputs_of(64)
    report = report_of(files[::2])
    assert unpack(pack(report, files), files) == report


def test_steps_make_room_for_the_outputs() -> None:
    outputs = outputs_of(64)
    many = [
        Step(name=hashlib.sha256(bytes([n])).hexdigest()[:60], start=n, seconds=1)
        for n in range(64)
    ]
    report = report_of(outputs)
    found = unpack(pack(report.model_copy(update={"steps": many}), outputs), outputs)
    assert found == report.model_copy(update={"steps": []})


def test_an_error_survives() -> None:
    report = Report(error=TaskError(code="corrupt_image", message="Größe?", retryable=False))
    assert unpack(pack(report, []), []) == report


@pytest.mark.parametrize("text", ["", "{", "killed", "z2:!!", '{"outputs": 3}', "z2:"])
def test_what_is_no_report_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # every kind of damage
        unpack(text, outputs_of(1))


def test_a_step_that_is_not_known_is_not_the_end_of_a_report() -> None:
    text = '{"outputs": [], "timings": {"fetch": 12, "upscale": 7}, "watts": 3}'
    assert unpack(text, []) == Report(timings=Timings(fetch=12))


def test_a_packed_report_of_another_task_is_refused() -> None:
    text = pack(report_of(outputs_of(64)), outputs_of(64))
    with pytest.raises(ValueError, match="damaged"):
        unpack(text, outputs_of(3))
