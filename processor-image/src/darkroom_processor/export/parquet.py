"""Parquet: each column of one type, which all its values have; else it is text.

The types are known once all lines were read. So they are read twice, and the second time written
in a shape that arro3 streams into a file.
"""

import json
from typing import Any, Final

from arro3.core import DataType, Field, Schema
from arro3.io import read_json, write_parquet

from darkroom_processor.export.columns import Column
from darkroom_processor.export.lines import rows_of, text_of, value_at

_BATCH: Final = 8192
_ROW_GROUP: Final = 131_072
_LARGEST: Final = 2**63
_BOOL, _INT, _FLOAT, _TEXT = "bool", "int", "float", "text"


def write(path: str, columns: list[Column], source: str, folder: str) -> None:
    """Write a table of a file's lines."""
    kinds = _kinds(source, columns)
    types = {
        _BOOL: DataType.bool(),
        _INT: DataType.int64(),
        _FLOAT: DataType.float64(),
        _TEXT: DataType.utf8(),
    }
    titles = _unique([column.title for column in columns])
    schema = Schema(
        [
            Field(title, types[kind], nullable=True)
            for title, kind in zip(titles, kinds, strict=True)
        ]
    )
    even = f"{folder}/even.jsonl"
    with open(even, "w", encoding="utf-8") as file:  # noqa: PTH123  # pathlib is slow to import
        for row in rows_of(source):
            values = {
                title: _as(kind, value_at(row, column.field))
                for title, kind, column in zip(titles, kinds, columns, strict=True)
            }
            file.write(json.dumps(values, ensure_ascii=True) + "\n")
    rows = read_json(even, schema, batch_size=_BATCH)
    write_parquet(rows, path, compression="zstd(3)", max_row_group_size=_ROW_GROUP)


def _kinds(source: str, columns: list[Column]) -> list[str]:
    found: list[set[str]] = [set() for _ in columns]
    for row in rows_of(source):
        for kinds, column in zip(found, columns, strict=True):
            value = value_at(row, column.field)
            if value is not None:
                kinds.add(_kind(value))
    return [_common(kinds) for kinds in found]


def _kind(value: Any) -> str:  # noqa: ANN401  # any JSON value
    if isinstance(value, bool):
        return _BOOL
    if isinstance(value, int):
        return _INT if -_LARGEST <= value < _LARGEST else _TEXT
    return _FLOAT if isinstance(value, float) else _TEXT


def _common(kinds: set[str]) -> str:
    if kinds == {_INT, _FLOAT}:
        return _FLOAT
    return next(iter(kinds)) if len(kinds) == 1 else _TEXT


def _as(kind: str, value: Any) -> Any:  # noqa: ANN401  # any JSON value
    if value is None or kind in {_BOOL, _INT}:
        return value
    return float(value) if kind == _FLOAT else text_of(value)


def _unique(titles: list[str]) -> list[str]:
    taken: set[str] = set()
    unique = []
    for title in titles:
        name, number = title, 1
        while name in taken:
            number += 1
            name = f"{title} ({number})"
        taken.add(name)
        unique.append(name)
    return unique
