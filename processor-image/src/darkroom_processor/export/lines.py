"""JSON lines: one object on each line, read one at a time."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn

from darkroom_processor.errors import Code, Rejected

_LONGEST: Final = 1_000_000
"""Longest line in bytes."""
_EVERY: Final = 10_000
_DEEPEST: Final = 16

Row = dict[str, Any]


def rows_of(path: str, read: Callable[[int], None] | None = None) -> Iterator[Row]:
    """Yield each line's object; raises Rejected with the number of a line that has none.

    `read` is told now and then how many bytes were read.
    """
    with open(path, "rb") as file:  # noqa: PTH123  # pathlib is slow to import
        number = 0
        while line := file.readline(_LONGEST + 1):
            number += 1
            if read is not None and number % _EVERY == 0:
                read(file.tell())
            if len(line) > _LONGEST:
                raise _broken(number, f"it is longer than {_LONGEST:,} bytes")
            if line.strip():
                yield _row(line, number)


def _row(line: bytes, number: int) -> Row:
    try:
        value = _DECODER.decode(line.decode("utf-8-sig" if number == 1 else "utf-8").strip())
    except (ValueError, RecursionError) as error:
        raise _broken(number, str(error)) from error
    if not isinstance(value, dict):
        raise _broken(number, "it is no object in braces")
    return value


def _no(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


# One of each for all lines: json would make a new one for every call.
_DECODER: Final = json.JSONDecoder(parse_constant=_no)
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False)


def _broken(number: int, why: str) -> Rejected:
    return Rejected(
        Code.CORRUPT_LINES,
        f"Line {number:,} of the source cannot be read: {why}. The source has one JSON object on "
        "each line; correct it and send it again.",
    )


def value_at(row: Row, field: str) -> Any:  # noqa: ANN401  # any JSON value
    """Return what a row has under a field; dots lead into objects; None where there is nothing."""
    if field in row:
        return row[field]
    value: Any = row
    for part in field.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def fields_of(row: Row, prefix: str = "", depth: int = 0) -> Iterator[str]:
    """Yield the fields of a row, those of objects in it with dots."""
    for key, value in row.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value and depth < _DEEPEST:
            yield from fields_of(value, f"{name}.", depth + 1)
        else:
            yield name


def text_of(value: Any) -> str:  # noqa: ANN401  # any JSON value
    """Return a value as text: objects and lists as JSON, nothing as nothing."""
    if isinstance(value, str):
        return value
    return "" if value is None else _ENCODER.encode(value)
