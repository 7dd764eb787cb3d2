"""Tables of JSON lines and ZIPs of files, read back by what reads such files."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from arro3.io import read_parquet
from darkroom_core.vocabulary import Format, TaskType
from darkroom_processor.documents import (
    AssignedFile,
    AssignedOutput,
    AssignedSource,
    Assignment,
    Column,
    Limits,
    Output,
    Report,
    SignedRequest,
    Table,
)
from darkroom_processor.errors import ProcessingError
from darkroom_processor.export.archive import safe_name, unique
from darkroom_processor.export.comma_separated import defused
from darkroom_processor.local import LocalFiles
from darkroom_processor.tasks import process

NOWHERE = SignedRequest("")
ROWS: list[dict[str, Any]] = [
    {"name": "first", "source": {"bytes": 12, "url": None}, "ok": True, "tags": ["a", "b"]},
    {"name": "zweite, mit Komma", "source": {"bytes": 9_007_199_254_740_993}, "ratio": 1.5},
    {"name": '=HYPERLINK("http://bad")', "source": {"bytes": -3}, "ratio": -2},
]
Export = Callable[..., bytes]


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """Return a function that exports lines to a format: (lines or rows, format, *columns)."""

    def export_(lines: bytes | list[dict[str, Any]], format_: Format, *columns: Column) -> bytes:
        if not isinstance(lines, bytes):
            lines = "".join(json.dumps(row) + "\n" for row in lines).encode()
        source = tmp_path / "source.jsonl"
        source.write_bytes(lines)
        output = Output("table", format_, table=Table(columns) if columns else None)
        assigned = AssignedOutput(output, (AssignedFile("table", format_, NOWHERE),))
        sources = (AssignedSource(SignedRequest(str(source))),)
        assignment = Assignment("test", TaskType.EXPORT, sources, outputs=(assigned,))
        report = process(assignment, LocalFiles(tmp_path / "out"), str(tmp_path))
        data = (tmp_path / "out" / f"table.{format_.value}").read_bytes()
        assert report.outputs[0].bytes == len(data)
        assert report.outputs[0].sha256 == hashlib.sha256(data).hexdigest()
        return data

    return export_


def table_of(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def cells_of(data: bytes) -> list[list[str | float | bool]]:
    """Return the cells of an XLSX's first sheet."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        sheet = ET.fromstring(book.read("xl/worksheets/sheet1.xml"))  # noqa: S314  # our own
    rows: list[list[str | float | bool]] = []
    for row in sheet.iter(f"{space}row"):
        rows.append([])
        for cell in row.iter(f"{space}c"):
            assert cell.find(f"{space}f") is None
            kind, text = cell.get("t"), "".join(cell.itertext())
            rows[-1].append(
                text if kind == "inlineStr" else text == "1" if kind == "b" else float(text)
            )
    return rows


def test_a_csv_has_a_column_for_every_field_and_a_row_for_every_line(export: Export) -> None:
    table = table_of(export(ROWS, Format.CSV))
    assert table[0] == ["name", "source.bytes", "source.url", "ok", "tags", "ratio"]
    assert table[1] == ["first", "12", "", "true", '["a", "b"]', ""]
    assert table[2] == ["zweite, mit Komma", "9007199254740993", "", "", "", "1.5"]


def test_no_text_of_a_csv_is_taken_for_a_formula(export: Export) -> None:
    table = table_of(export(ROWS, Format.CSV))
    assert table[3] == ['\'=HYPERLINK("http://bad")', "-3", "", "", "", "-2"]
    for text in ("=1", "+1", "-1", "@A1", "\t=1", "\r=1", " =1", "\uff1d1"):
        assert defused(text) == f"'{text}"
    for text in ("", "a", "1", "a=1", "'=1"):
        assert defused(text) == text


def test_columns_are_those_that_are_named_in_their_order(export: Export) -> None:
    columns = (Column("source.bytes", "Bytes"), Column("name"), Column("missing", "=Nothing"))
    table = table_of(export(ROWS, Format.CSV, *columns))
    assert table[0] == ["Bytes", "name", "'=Nothing"]
    assert table[1] == ["12", "first", ""]


def test_numbers_are_numbers_and_texts_texts_in_an_xlsx(export: Export) -> None:
    columns = (Column("name"), Column("source.bytes"), Column("ok"))
    cells = cells_of(export(ROWS, Format.XLSX, *columns))
    assert cells[0] == ["name", "source.bytes", "ok"]
    assert cells[1] == ["first", 12.0, True]
    assert cells[2] == ["zweite, mit Komma", "9007199254740993"]
    assert cells[3] == ['=HYPERLINK("http://bad")', -3.0]


def test_the_columns_of_a_parquet_file_have_the_type_that_all_values_have(export: Export) -> None:
    rows = [
        {"whole": 1, "part": 1, "text": "é", "flag": True, "mixed": 1},
        {"whole": 2**53 + 1, "part": 0.5, "text": None, "flag": False, "mixed": "x"},
        {},
    ]
    table: Any = read_parquet(io.BytesIO(export(rows, Format.PARQUET))).read_all()
    found = {name: [each.as_py() for each in table.column(name)] for name in table.column_names}
    assert found == {
        "whole": [1, 2**53 + 1, None],
        "part": [1.0, 0.5, None],
        "text": ["é", None, None],
        "flag": [True, False, None],
        "mixed": ["1", "x", None],
    }


@pytest.mark.parametrize("format_", [Format.CSV, Format.XLSX, Format.PARQUET])
@pytest.mark.parametrize(
    ("line", "why"),
    [(b'{"a": ', "Line 3 of"), (b"[1]", "no object"), (b"\xff", "utf-8"), (b'{"a": NaN}', "NaN"),
     (b"[" * 5000, "Line 3"), (b'{"a": 1}x', "Line 3"), (b"x" * 1_000_001, "longer than")],
)  # fmt: skip
def test_a_broken_line_is_refused_with_its_number(
    export: Export, format_: Format, line: bytes, why: str
) -> None:
    with pytest.raises(ProcessingError, match=why) as error:
        export(b'{"a": 1}\n\n' + line + b'\n{"a": 2}\n', format_)
    assert error.value.code == "corrupt_lines"
    assert "Line 3 " in error.value.message


def test_a_source_without_lines_is_refused(export: Export) -> None:
    with pytest.raises(ProcessingError, match="no lines with fields"):
        export(b"\n\n", Format.CSV)
    assert table_of(export(b"", Format.CSV, Column("a"))) == [["a"]]


Zip = Callable[..., tuple[Report, zipfile.ZipFile]]


@pytest.fixture
def zipped(tmp_path: Path) -> Zip:
    """Return a function that puts files of these names into a ZIP."""

    def zip_(*files: tuple[str, bytes], limits: Limits | None = None) -> tuple[Report, Any]:
        sources = []
        for number, (name, data) in enumerate(files):
            (tmp_path / str(number)).write_bytes(data)
            sources.append(AssignedSource(SignedRequest(str(tmp_path / str(number))), name))
        output = AssignedOutput(
            Output("all", Format.ZIP), (AssignedFile("all", Format.ZIP, NOWHERE),)
        )
        assignment = Assignment(
            "test", TaskType.EXPORT, tuple(sources), outputs=(output,), limits=limits or Limits()
        )
        report = process(assignment, LocalFiles(tmp_path / "out"), str(tmp_path))
        return report, zipfile.ZipFile(io.BytesIO((tmp_path / "out" / "all.zip").read_bytes()))

    return zip_


def test_a_zip_has_every_file_and_a_manifest(zipped: Zip) -> None:
    noise = hashlib.shake_128(b"noise").digest(5000)
    _, archive = zipped(("a.txt", b"a" * 5000), ("b.jpg", noise), ("", b""))
    assert archive.namelist() == ["a.txt", "b.jpg", "file-3", "manifest.json"]
    assert archive.testzip() is None
    assert archive.read("b.jpg") == noise
    assert archive.getinfo("a.txt").compress_size < 100
    assert archive.getinfo("b.jpg").compress_type == zipfile.ZIP_STORED
    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["files"][0] == {
        "name": "a.txt",
        "bytes": 5000,
        "sha256": hashlib.sha256(b"a" * 5000).hexdigest(),
    }
    assert [each["name"] for each in manifest["files"]] == archive.namelist()[:3]


def test_the_same_files_make_the_same_zip(zipped: Zip) -> None:
    once, _ = zipped(("a", b"1"), ("b", b"2"))
    again, _ = zipped(("a", b"1"), ("b", b"2"))
    assert once.outputs[0].sha256 == again.outputs[0].sha256


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "..\\..\\windows", "C:\\x", "a/../b", "..", ".", " ",
     "\x00", ".hidden", "con.txt", "NUL", "a\nb", "x" * 500 + ".jpeg", "\u202egpj.exe", "///"],
)  # fmt: skip
def test_no_name_in_a_zip_leads_anywhere_else(name: str) -> None:
    safe = safe_name(name, 0)
    assert 0 < len(safe) <= 120
    assert not set(safe) & set('/\\:*?"<>|')
    assert safe.isprintable()
    assert not safe.startswith(".")
    assert safe.casefold().split(".")[0] not in {"con", "nul"}


def test_names_in_a_zip_are_unique_whatever_their_case(zipped: Zip) -> None:
    _, archive = zipped(("A.txt", b"1"), ("a.TXT", b"2"), ("a.txt", b"3"), ("Manifest.json", b"4"))
    names = archive.namelist()
    assert names == ["A.txt", "a (2).TXT", "a (3).txt", "Manifest (2).json", "manifest.json"]
    assert [unique("a", {"a"}), unique("a.b", set())] == ["a (2)", "a.b"]


def test_a_file_of_a_zip_that_is_too_large_is_named(zipped: Zip) -> None:
    with pytest.raises(ProcessingError, match=r"source_too_large: large\.bin: "):
        zipped(("large.bin", b"x" * 100), limits=Limits(source_bytes=99))
