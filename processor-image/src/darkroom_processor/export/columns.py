"""The columns of a table: those that are named, or those that the first lines have."""

import itertools
from typing import Final, NamedTuple

from darkroom_processor.documents import Table
from darkroom_processor.errors import Code, Rejected
from darkroom_processor.export.lines import fields_of, rows_of

_LOOKED_AT: Final = 1000
_MOST: Final = 1024


class Column(NamedTuple):
    """One column."""

    field: str
    title: str


def columns_of(path: str, table: Table | None) -> list[Column]:
    """Return the columns of a table of a file's lines."""
    if table is not None and table.columns:
        return [Column(each.field, each.title or each.field) for each in table.columns]
    rows = itertools.islice(rows_of(path), _LOOKED_AT)
    fields = dict.fromkeys(field for row in rows for field in fields_of(row))
    if not fields:
        raise Rejected(
            Code.CORRUPT_LINES,
            "The source has no lines with fields, so that the table would have no columns. Name "
            "the columns, or send a source that is not empty.",
        )
    if len(fields) > _MOST:
        raise Rejected(
            Code.OUTPUT_TOO_LARGE,
            f"The source's lines have {len(fields):,} fields; a table has {_MOST:,} columns at "
            "most. Name the columns.",
        )
    return [Column(field, field) for field in fields]
