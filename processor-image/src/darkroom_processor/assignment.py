"""Reading an assignment: the core's document, without the core's models.

Ranges were checked by whoever wrote it; what could hurt Pillow is clamped again where it is used.
"""

import json
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from darkroom_processor.documents import Assignment, Operation, Output
from darkroom_processor.errors import Code, Rejected


def read_assignment(text: str) -> Assignment:
    """Read an assignment; raises Rejected (`invalid_assignment`) naming the field that is wrong."""
    assignment: Assignment = _parsed(text, Assignment, "assignment")
    return assignment


def read_outputs(text: str) -> tuple[Output, ...]:
    """Read the `outputs` of a recipe alone, as a user writes them."""
    outputs: tuple[Output, ...] = _parsed(text, tuple[Output, ...], "outputs")
    return outputs


def _parsed(text: str, hint: Any, name: str) -> Any:  # noqa: ANN401  # what `hint` says
    try:
        return _read(hint, json.loads(text), name)
    except ValueError as error:  # also what json raises
        raise Rejected(
            Code.INVALID_ASSIGNMENT,
            f"The {name} cannot be read: {error}. Check that whatever wrote it fits this "
            "processor's version.",
        ) from error


def _read(hint: Any, value: Any, at: str) -> Any:  # noqa: ANN401, PLR0911  # the JSON edge
    """Return `value` as `hint` wants it; raises ValueError that says where it does not fit."""
    origin = get_origin(hint)
    if origin in {Union, UnionType}:
        inner = next(arg for arg in get_args(hint) if arg is not NoneType)
        return None if value is None else _read(inner, value, at)
    if origin is tuple and isinstance(value, list):
        item = get_args(hint)[0]
        return tuple(_read(item, each, f"{at}[{i}]") for i, each in enumerate(value))
    if origin is dict and isinstance(value, dict):
        return {str(key): _read(str, each, f"{at}.{key}") for key, each in value.items()}
    if isinstance(value, dict) and hasattr(hint, "_fields"):
        return _read_fields(hint, value, at)
    if isinstance(value, str) and isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(value)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is hint:
        return value
    raise ValueError(f"{at} has a value of the wrong type")


def _read_fields(kind: Any, value: dict[str, Any], at: str) -> Any:  # noqa: ANN401  # see above
    hints = {_camel(name): (name, hint) for name, hint in kind.__annotations__.items()}
    unknown = sorted(value.keys() - hints.keys())
    if unknown:
        raise ValueError(f"{at} has a field that is not known here, {unknown[0]!r}")
    fields = {
        hints[key][0]: _read(hints[key][1], each, f"{at}.{key}") for key, each in value.items()
    }
    missing = [name for name in kind._fields if name not in fields | kind._field_defaults]
    if missing:
        raise ValueError(f"{at} lacks {_camel(missing[0])!r}")
    if kind is Operation and len(fields) - list(fields.values()).count(None) != 1:
        raise ValueError(f"{at} names not exactly one operation")
    return kind(**fields)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
