"""The core's models as named tuples: what a processor reads and writes without Pydantic."""

import types
import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

_HEADER: Final = '''"""The core's documents as named tuples.

Generated from core/ by `make generate`; do not edit.
"""

from typing import NamedTuple

from darkroom_core.vocabulary import (
{enums}
)
'''


def module(*roots: type[BaseModel]) -> str:
    """Return the source of a module that has each root, and all that they are made of."""
    models: dict[str, type[BaseModel]] = {}
    enums: set[str] = set()
    for root in roots:
        _gather(root, models, enums)
    header = _HEADER.format(enums="\n".join(f"    {name}," for name in sorted(enums)))
    return header + "".join(_class(model) for model in models.values())


def _gather(model: type[BaseModel], models: dict[str, type[BaseModel]], enums: set[str]) -> None:
    """Add a model after those that it is made of."""
    for field in model.model_fields.values():
        for part in _parts(field.annotation):
            if issubclass(part, BaseModel) and part.__name__ not in models:
                _gather(part, models, enums)
            elif issubclass(part, Enum):
                enums.add(part.__name__)
    models[model.__name__] = model


def _parts(hint: Any) -> Iterator[type]:  # noqa: ANN401  # any type hint
    arguments = typing.get_args(hint)
    if hasattr(hint, "__metadata__"):
        arguments = arguments[:1]
    if isinstance(hint, type) and not arguments:
        yield hint
    for argument in arguments:
        if argument is not types.NoneType:
            yield from _parts(argument)


def _class(model: type[BaseModel]) -> str:
    fields = model.model_fields.items()
    # What has no default comes first in a named tuple.
    lines = [f"    {name}: {_hint(f.annotation)}" for name, f in fields if f.is_required()]
    lines += [
        f"    {name}: {_hint(f.annotation)} = {_default(f)}"
        for name, f in fields
        if not f.is_required()
    ]
    summary = (model.__doc__ or "").partition("\n")[0]
    body = "\n".join(lines)
    return f'\n\nclass {model.__name__}(NamedTuple):\n    """{summary}"""\n' + (
        f"\n{body}\n" if body else ""
    )


def _hint(hint: Any) -> str:  # noqa: ANN401  # any type hint
    arguments = typing.get_args(hint)
    if hasattr(hint, "__metadata__"):
        return _hint(arguments[0])
    origin = typing.get_origin(hint)
    if origin is list:
        return f"tuple[{_hint(arguments[0])}, ...]"
    if origin is dict:
        return f"dict[{_hint(arguments[0])}, {_hint(arguments[1])}]"
    if arguments:
        return " | ".join(_hint(argument) for argument in arguments)
    return "None" if hint is types.NoneType else str(hint.__name__)


def _default(field: FieldInfo) -> str:
    return _literal(field.get_default(call_default_factory=True))


def _literal(value: object) -> str:
    if isinstance(value, BaseModel):
        given = ", ".join(
            f"{name}={_literal(getattr(value, name))}" for name in sorted(value.model_fields_set)
        )
        return f"{type(value).__name__}({given})"
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, list):
        return "()" if not value else f"({', '.join(map(_literal, value))},)"
    return f'"{value}"' if isinstance(value, str) else repr(value)
