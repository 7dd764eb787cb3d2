"""CSV that a spreadsheet may open: no text in it is taken for a formula."""

import csv
from collections.abc import Iterable
from typing import Any, Final

from darkroom_processor.export.columns import Column
from darkroom_processor.export.lines import Row, text_of, value_at

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for the start of a formula, wide letters included."""


def write(path: str, columns: list[Column], rows: Iterable[Row]) -> None:
    """Write a table: RFC 4180, UTF-8."""
    with open(path, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123  # pathlib is slow to import
        writer = csv.writer(file)
        writer.writerow([defused(column.title) for column in columns])
        for row in rows:
            writer.writerow([_cell(value_at(row, column.field)) for column in columns])


def _cell(value: Any) -> str:  # noqa: ANN401  # any JSON value
    text = text_of(value)
    return text if isinstance(value, int | float) else defused(text)


def defused(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: with an apostrophe before it."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
