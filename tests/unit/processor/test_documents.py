"""The processor reads and writes the core's documents without the core's models."""

import json
from pathlib import Path
from typing import Any

import pytest
from darkroom_core import assignment as core_assignment
from darkroom_core import report as core_report
from darkroom_core.recipe import File
from darkroom_core.vocabulary import Format
from darkroom_processor import assignment, report
from darkroom_processor.documents import (
    AssignedFile,
    OutputReport,
    Report,
    SignedRequest,
    SourceReport,
    TaskError,
    Timings,
)
from darkroom_processor.errors import Code, Rejected
from pydantic import BaseModel

FILES = tuple(AssignedFile(f"output-{n}", Format.WEBP, SignedRequest("u")) for n in range(64))
DONE = tuple(
    OutputReport(file.name, file.format, 20_000 + n, f"{n:064x}", 512, 384)
    for n, file in enumerate(FILES)
)


def plain(value: Any) -> Any:
    """A document of either side as plain data."""
    if isinstance(value, BaseModel):
        return {name: plain(each) for name, each in dict(value).items()}
    if hasattr(value, "_asdict"):
        return {name: plain(each) for name, each in value._asdict().items()}
    return [plain(each) for each in value] if isinstance(value, tuple | list) else value


def test_a_full_assignment_is_read_as_the_core_wrote_it() -> None:
    box = {"width": 10, "height": 20, "fit": "pad", "enlarge": True, "background": "#010203"}
    operations: list[dict[str, Any]] = [
        {"resize": box},
        {"crop": {"x": 1, "y": 2, "width": 3, "height": 4}},
        {"rotate": {"angle": -45, "background": "#ffffff"}},
        {"flip": {"direction": "vertical"}},
        {"grayscale": {}},
        {"overlay": {"source": {"key": "logo.png"}}},
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
        "sources": [{"request": request, "guarded": True, "allowedNetworks": ["10.0.0.0/8"]}],
        "overlays": [{"request": request, "name": "logo.png"}],
        "outputs": [
            {"output": output, "files": [{"name": "a", "format": "jpeg", "request": request}]}
        ],
        "facts": request,
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
        ('{"task": "t", "sources": [{"request": {}}]}', r"sources\[0\].request lacks 'url'"),
        ('{"task": "t", "type": "Song"}', "Song"),
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
        ({"enchant": {}}, "'enchant'"),
        ({"crop": {"width": True, "height": 1}}, "wrong type"),
        ({"flip": {"direction": "up"}}, "up"),
    ],
)
def test_an_operation_that_does_not_fit_is_refused(operation: Any, says: str) -> None:
    text = json.dumps([{"name": "a", "format": "png", "operations": [operation]}])
    with pytest.raises(Rejected, match=says):
        assignment.read_outputs(text)


def test_a_report_is_read_by_the_core() -> None:
    made = Report(
        source=SourceReport("gif", 5, "ab", 3, 4, frames=2, duration_seconds=0.5),
        error=TaskError(Code.CORRUPT_IMAGE, "Save it anew.", retryable=False),
        timings=Timings(1, 2, 3, 4, 5),
        peak_memory_bytes=5,
    )
    assert plain(core_report.unpack(report.pack(made, ()), [])) == plain(made)


def test_a_long_report_is_packed_so_that_the_core_can_read_it() -> None:
    text = report.pack(Report(outputs=DONE, timings=Timings(1, 2, 3, 4, 5)), FILES)
    assert len(text) <= core_report.MAX_BYTES
    assigned = [File(file.name, file.format) for file in FILES]
    read = core_report.unpack(text, assigned).outputs
    assert [plain(output) for output in read] == [plain(output) for output in DONE]


def test_a_defect_keeps_its_details_out_of_the_report() -> None:
    error = report.error_of(KeyError("http://storage/secret?signature=x"))
    assert (error.code, error.retryable) == (Code.INTERNAL, True)
    assert "secret" not in error.message


def test_every_error_code_is_on_the_reference_page() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/processor.md").read_text()
    rows = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert rows == set(Code)
