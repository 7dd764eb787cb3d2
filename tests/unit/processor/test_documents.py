"""The processor's own documents are the core's, field by field, value by value."""

import json
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from darkroom_core import assignment as core_assignment
from darkroom_core import report as core_report
from darkroom_core.recipe import Output
from darkroom_processor import assignment, report
from darkroom_processor.errors import Code, Rejected
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

DONE = [
    report.OutputReport(f"output-{n}", "webp", 512, 384, 20_000 + n, f"{n:064x}") for n in range(64)
]


def shape(hint: Any) -> Any:
    """A type as both sides can say it: models by their fields, enums by their values."""
    args = [each for each in get_args(hint) if each is not Ellipsis]
    if hasattr(hint, "__metadata__"):
        return shape(args[0])
    if get_origin(hint) in {list, tuple}:
        return ["each", shape(args[0])]
    if type(None) in args:
        return {"either": sorted(str(shape(each)) for each in args)}
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return {name: model_field(field) for name, field in sorted(hint.model_fields.items())}
    return own_shape(hint)


def own_shape(hint: Any) -> Any:
    if hasattr(hint, "_fields"):
        return {
            name: (shape(each), plain(hint._field_defaults.get(name, "required")))
            for name, each in sorted(hint.__annotations__.items())
        }
    if hasattr(hint, "__members__"):
        return sorted(str(member.value) for member in hint)
    return str(hint)


def model_field(field: Any) -> Any:
    default = field.default
    if field.default_factory is not None:
        default = field.default_factory()
    return (shape(field.annotation), plain("required" if default is PydanticUndefined else default))


def plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return {name: plain(each) for name, each in dict(value).items()}
    if hasattr(value, "_asdict"):
        return {name: plain(each) for name, each in value._asdict().items()}
    return [plain(each) for each in value] if isinstance(value, tuple | list) else value


def test_the_assignment_has_the_fields_types_and_defaults_of_the_core() -> None:
    assert shape(core_assignment.Assignment) == shape(assignment.Assignment)


def test_the_report_has_the_fields_of_the_core() -> None:
    assert list(core_report.OutputReport.model_fields) == list(report.OutputReport._fields)
    assert list(core_report.TaskError.model_fields) == list(report.TaskError._fields)
    assert list(core_report.Timings.model_fields) == list(report.Timings._fields)
    assert list(core_report.Report.model_fields) == list(report.Report._fields)


def test_a_full_assignment_is_read_as_the_core_wrote_it() -> None:
    box = {"width": 10, "height": 20, "fit": "pad", "enlarge": True, "background": "#010203"}
    operations: list[dict[str, Any]] = [
        {"resize": box},
        {"crop": {"x": 1, "y": 2, "width": 3, "height": 4}},
        {"rotate": {"angle": -45, "background": "#ffffff"}},
        {"flip": {"direction": "vertical"}},
        {"grayscale": {}},
    ]
    output = {
        "name": "a",
        "operations": operations,
        "format": "jpeg",
        "quality": 7,
        "progressive": True,
        "autoOrient": False,
    }
    request = {"url": "http://s/x", "headers": {"A": "b"}}
    document = {
        "task": "t",
        "source": {"request": request, "guarded": True, "allowedNetworks": ["10.0.0.0/8"]},
        "outputs": [{"output": output, "request": request}],
        "progress": request,
        "limits": {"sourceBytes": 1, "pixels": 2, "seconds": 3},
    }
    theirs = core_assignment.Assignment.model_validate(document)
    ours = assignment.read_assignment(json.dumps(theirs.document()))
    assert plain(theirs) == plain(ours)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Expecting value"),
        ("[]", "wrong type"),
        ("{}", "lacks 'task'"),
        ('{"task": 1}', "assignment.task"),
        ('{"task": "t", "sauce": {}}', "'sauce'"),
        ('{"task": "t", "source": {"request": {"url": "u"}}, "outputs": []}', "no outputs"),
    ],
)
def test_an_assignment_that_does_not_fit_is_refused(text: str, says: str) -> None:
    with pytest.raises(Rejected, match=says) as refused:
        assignment.read_assignment(text)
    assert refused.value.code is Code.INVALID_ASSIGNMENT


@pytest.mark.parametrize(
    ("operation", "says"),
    [
        ({}, "exactly one"),
        ({"grayscale": {}, "crop": {"width": 1, "height": 1}}, "exactly one"),
        ({"resize": {}}, "width or a height"),
        ({"sharpen": {}}, "'sharpen'"),
        ({"crop": {"width": True, "height": 1}}, "wrong type"),
        ({"flip": {"direction": "up"}}, "up"),
    ],
)
def test_an_operation_that_does_not_fit_is_refused(operation: Any, says: str) -> None:
    text = json.dumps([{"name": "a", "format": "png", "operations": [operation]}])
    with pytest.raises(Rejected, match=says):
        assignment.read_outputs(text)


def test_a_report_is_read_by_the_core() -> None:
    error = report.TaskError(Code.CORRUPT_IMAGE, "Save it anew.", retryable=False)
    made = report.Report(error=error, timings=report.Timings(1, 2, 3, 4), peak_memory_bytes=5)
    theirs = core_report.unpack(report.pack(made), [])
    assert plain(theirs) == plain(made)


def test_a_long_report_is_packed_so_that_the_core_can_read_it() -> None:
    made = report.Report(outputs=tuple(DONE), timings=report.Timings(1, 2, 3, 4))
    text = report.pack(made)
    assert len(text) <= core_report.MAX_BYTES
    outputs = [Output.model_validate({"name": o.name, "format": o.format}) for o in DONE]
    assert [plain(o) for o in core_report.unpack(text, outputs).outputs] == [plain(o) for o in DONE]


def test_a_defect_keeps_its_details_out_of_the_report() -> None:
    error = report.error_of(KeyError("http://storage/secret?signature=x"))
    assert (error.code, error.retryable) == (Code.INTERNAL, True)
    assert "secret" not in error.message


def test_every_error_code_is_on_the_reference_page() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/processor.md").read_text()
    rows = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert rows == set(Code)
