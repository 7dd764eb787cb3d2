"""A report: a PDF of many pictures, page by page. What it says is read from the file itself."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from darkroom_core.vocabulary import Format, Paper, TaskType
from darkroom_processor.documents import (
    AssignedFile,
    AssignedOutput,
    AssignedSource,
    Assignment,
    Operation,
    Output,
    Pages,
    Report,
    Resize,
    SignedRequest,
)
from darkroom_processor.errors import ProcessingError
from darkroom_processor.local import LocalFiles
from darkroom_processor.report_pages import text
from darkroom_processor.report_pages.layout import layout_of
from darkroom_processor.tasks import process
from PIL import Image

NOWHERE = SignedRequest("")
Write = Callable[..., tuple[Report, bytes]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a report of pictures with these captions."""

    def write_(
        captions: list[str], pages: Pages, *operations: Operation, torn: int | None = None
    ) -> tuple[Report, bytes]:
        sources = []
        for number, caption in enumerate(captions):
            path = tmp_path / f"{number}.jpg"
            Image.linear_gradient("L").resize((300, 200)).convert("RGB").save(path, "JPEG")
            if number == torn:
                path.write_bytes(path.read_bytes()[:1000])
            sources.append(AssignedSource(SignedRequest(str(path)), caption))
        output = Output("report", Format.PDF, operations, pages=pages)
        assigned = AssignedOutput(output, (AssignedFile("report", Format.PDF, NOWHERE),))
        assignment = Assignment(
            "test", TaskType.REPORT, tuple(sources), outputs=(assigned,), facts=NOWHERE
        )
        report = process(assignment, LocalFiles(tmp_path / "out"), str(tmp_path))
        return report, (tmp_path / "out" / "report.pdf").read_bytes()

    return write_


def test_there_are_as_many_pages_as_the_pictures_need(write: Write) -> None:
    report, pdf = write([f"picture {n}" for n in range(7)], Pages(columns=2, rows=2))
    assert pdf.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 2
    assert report.outputs[0].bytes == len(pdf)
    assert b"/DCTDecode" in pdf


@pytest.mark.parametrize(
    ("pages", "box"),
    [(Pages(), (595, 841)), (Pages(paper=Paper.LETTER, landscape=True), (792, 612))],
)
def test_the_paper_is_as_large_as_it_was_asked_for(
    write: Write, pages: Pages, box: tuple[int, int]
) -> None:
    _, pdf = write(["one"], pages)
    found = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", pdf)
    assert found is not None
    assert (int(float(found[1])), int(float(found[2]))) == box


def test_pictures_are_embedded_at_300_dots_an_inch_at_most(
    write: Write,
) -> None:
    _, pdf = write(["one"], Pages(columns=8, rows=10))
    widths = [int(width) for width in re.findall(rb"/Width (\d+)", pdf)]
    cell = layout_of(Pages(columns=8, rows=10)).cells[0]
    assert widths
    assert max(widths) <= cell.width / 72 * 300 + 1


def test_operations_are_carried_out_on_every_picture(write: Write) -> None:
    _, pdf = write(["one", "two"], Pages(), Operation(resize=Resize(width=40)))
    assert {int(width) for width in re.findall(rb"/Width (\d+)", pdf)} == {40}


def test_the_same_pictures_make_the_same_file(write: Write) -> None:
    pages = Pages(title="A title", facts=True)
    assert write(["one", "two"], pages)[1] == write(["one", "two"], pages)[1]


def test_a_source_that_cannot_be_read_fails_the_task_by_its_caption(write: Write) -> None:
    with pytest.raises(ProcessingError, match="corrupt_image: the second: The source cannot"):
        write(["the first", "the second"], Pages(), torn=1)


def test_the_facts_of_all_sources_are_told(write: Write, tmp_path: Path) -> None:
    write(["one", "two"], Pages())
    facts = json.loads((tmp_path / "out" / "facts.json").read_text())
    assert [(each["name"], each["width"]) for each in facts["sources"]] == [
        ("one", 300),
        ("two", 300),
    ]
    assert facts["outputs"][0]["format"] == "pdf"


def test_captions_of_every_script_are_written(write: Write) -> None:
    captions = ["Ελλάδα", "Москва", "日本の写真", "한국어", "中文", "שלום", "\x00\n\t", ""]
    report, pdf = write(captions, Pages(title="Čeština 日本"))
    assert report.error is None
    for font in (b"HeiseiKakuGo-W5", b"HYGothic-Medium", b"STSong-Light", b"DejaVuSans"):
        assert font in pdf


def test_a_letter_that_no_font_has_is_an_empty_box() -> None:
    text.register()
    assert text.runs_of("a\u05e9b", text.SANS) == [text.Run("a\u25a1b", text.SANS)]
    assert [run.font for run in text.runs_of("a日b", text.SANS)] == [
        text.SANS, "STSong-Light", text.SANS,
    ]  # fmt: skip


def test_text_is_broken_between_words_and_never_wider_than_its_place() -> None:
    text.register()
    lines = text.lines_of("one two three four five six seven", text.SANS, 9, 60, 2)
    assert len(lines) == 2
    assert lines[0] == "one two three"[: len(lines[0])]
    assert lines[1].endswith("…")
    assert all(text.width_of(line, text.SANS, 9) <= 60 for line in lines)
    assert text.lines_of("x" * 500, text.SANS, 9, 60, 1)[0].endswith("…")


@pytest.mark.parametrize("columns", [1, 3, 8])
@pytest.mark.parametrize("rows", [1, 4, 10])
@pytest.mark.parametrize("paper", list(Paper))
def test_places_lie_on_the_page_beside_each_other(columns: int, rows: int, paper: Paper) -> None:
    pages = Pages("t", paper, landscape=True, columns=columns, rows=rows, facts=True)
    layout = layout_of(pages)
    assert len(layout.cells) == columns * rows
    for cell in layout.cells:
        assert cell.width > 20
        assert cell.height > 20
        assert cell.x >= 0
        assert cell.y >= 0
        assert cell.x + cell.width <= layout.size[0]
        assert cell.y + cell.height <= layout.size[1]
