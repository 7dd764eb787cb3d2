"""XLSX: numbers as numbers, everything else as text; one row is in memory at a time."""

from collections.abc import Iterable
from typing import Any, Final

import xlsxwriter

from darkroom_processor.errors import Code, Rejected
from darkroom_processor.export.columns import Column
from darkroom_processor.export.lines import Row, text_of, value_at

_MOST_ROWS: Final = 1_048_575
"""Beside the titles."""
_LONGEST_TEXT: Final = 32_767
_EXACT: Final = 2**53
"""Above this, whole numbers lose their last digits: they are written as text."""
_ELLIPSIS: Final = "\u2026"


def write(path: str, columns: list[Column], rows: Iterable[Row], folder: str) -> None:
    """Write a table; raises Rejected where a sheet cannot hold it."""
    options = {
        "constant_memory": True,
        "tmpdir": folder,
        "strings_to_numbers": False,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "use_zip64": True,
    }
    book: Any = xlsxwriter.Workbook(path, options)
    sheet: Any = book.add_worksheet()
    bold = book.add_format({"bold": True})
    for at, column in enumerate(columns):
        sheet.write_string(0, at, _short(column.title), bold)
    sheet.freeze_panes(1, 0)
    for number, row in enumerate(rows, 1):
        if number > _MOST_ROWS:
            raise Rejected(
                Code.OUTPUT_TOO_LARGE,
                f"The source has more than {_MOST_ROWS:,} lines, the most that a sheet can hold. "
                "Use csv or parquet.",
            )
        for at, column in enumerate(columns):
            _write(sheet, number, at, value_at(row, column.field))
    book.close()


def _write(sheet: Any, row: int, column: int, value: Any) -> None:  # noqa: ANN401  # untyped; any JSON value
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float) and abs(value) <= _EXACT:
        sheet.write_number(row, column, value)
    else:
        sheet.write_string(row, column, _short(text_of(value)))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + _ELLIPSIS
