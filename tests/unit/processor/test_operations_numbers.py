"""No number that a recipe could smuggle in hurts Pillow, or this process."""

import math
import typing
from enum import Enum
from typing import Any

import pytest
from darkroom_processor import documents, operations
from darkroom_processor.documents import Operation, Point, Source
from darkroom_processor.errors import ProcessingError
from darkroom_processor.operations import Context
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

NUMBERS = st.one_of(
    st.sampled_from([0, -1, 1, 2**31 - 1, 2**31, -(2**31), 2**63, 10**30]),
    st.integers(-70_000, 70_000),
)
FLOATS = st.one_of(
    st.sampled_from([0.0, -1.0, 1e-300, 1e300, math.inf, -math.inf, math.nan]),
    st.floats(-1e6, 1e6),
    NUMBERS.map(float),
)


def values_of(hint: Any, name: str) -> st.SearchStrategy[Any]:
    """Return every value of a type that the reader of assignments lets through, and more."""
    options = [arg for arg in typing.get_args(hint) if arg is not type(None)] or [hint]
    (kind,) = options
    if kind is int:
        values: st.SearchStrategy[Any] = NUMBERS
    elif kind is float:
        values = FLOATS
    elif kind is bool:
        values = st.booleans()
    elif kind is Point:
        values = st.builds(Point, FLOATS, FLOATS)
    elif kind is Source:
        values = st.just(Source("logo"))
    elif issubclass(kind, Enum):
        values = st.sampled_from(list(kind))
    else:
        texts = {"aspect": ["0:0", "1:9999", "x", "9:"], "text": ["x", "Wy\n\n€" * 99, "\x00"]}
        values = st.sampled_from(texts.get(name, ["", "#", "#12", "#zz0000", "#11223344", "#fff"]))
    return st.none() | values if type(None) in typing.get_args(hint) else values


def settings_of(kind: str) -> st.SearchStrategy[Operation]:
    hints = typing.get_type_hints(Operation)
    (document,) = (arg for arg in typing.get_args(hints[kind]) if arg is not type(None))
    assert document.__module__ == documents.__name__
    fields = {name: values_of(hint, name) for name, hint in typing.get_type_hints(document).items()}
    return st.builds(document, **fields).map(lambda made: Operation(**{kind: made}))


@pytest.mark.parametrize("kind", Operation._fields)
@settings(max_examples=60)
@given(data=st.data())
def test_whatever_numbers_it_is_given_an_operation_ends_well(kind: str, data: Any) -> None:
    operation = data.draw(settings_of(kind))
    image = data.draw(
        st.sampled_from(
            [
                Image.new("RGB", (30, 20), (9, 99, 199)),
                Image.new("RGBA", (7, 40)),
                Image.new("L", (1, 1)),
            ]
        )
    )
    context = Context(40_000, {"logo": Image.new("RGBA", (9, 5), (255, 0, 0, 128))})
    try:
        made = operations.apply(image, (operation,), context)
    except ProcessingError:
        return
    assert made.width * made.height <= 40_000
    assert made.mode in {"L", "RGB", "RGBA"}
