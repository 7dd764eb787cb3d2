"""The assignment as this processor reads it: the core's document, without the core's models.

Named tuples rather than dataclasses, and hints as objects rather than strings: both are read at
every start of a pod. Ranges were checked by whoever wrote the assignment; what could hurt Pillow
is clamped again where it is used.
"""

import json
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

from darkroom_processor.errors import Code, Rejected


class Fit(StrEnum):
    """How a picture is brought into a box."""

    FIT = "fit"
    COVER = "cover"
    CONTAIN = "contain"
    PAD = "pad"
    STRETCH = "stretch"


class Format(StrEnum):
    """A file format that is read and written."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"

    @property
    def extension(self) -> str:
        """The end of a file's name, without a dot."""
        return "jpg" if self is Format.JPEG else self.value


class FlipDirection(StrEnum):
    """The direction in which a picture is mirrored."""

    HORIZONTAL = "horizontal"
    VERTICAL = "vertical"


class Resize(NamedTuple):
    """Change the size."""

    width: int | None = None
    height: int | None = None
    fit: Fit = Fit.FIT
    enlarge: bool = False
    background: str = "#ffffff"


class Crop(NamedTuple):
    """Cut out a rectangle."""

    width: int
    height: int
    x: int = 0
    y: int = 0


class Rotate(NamedTuple):
    """Turn clockwise, in degrees."""

    angle: int
    background: str = "#ffffff"


class Flip(NamedTuple):
    """Mirror."""

    direction: FlipDirection


class Grayscale(NamedTuple):
    """Take the colours out."""


class Operation(NamedTuple):
    """One step of an output: exactly one field is set."""

    resize: Resize | None = None
    crop: Crop | None = None
    rotate: Rotate | None = None
    flip: Flip | None = None
    grayscale: Grayscale | None = None


class Output(NamedTuple):
    """One file to make."""

    name: str
    format: Format
    operations: tuple[Operation, ...] = ()
    quality: int | None = None
    lossless: bool = False
    progressive: bool = False
    auto_orient: bool = True


class SignedRequest(NamedTuple):
    """A request that whoever holds it may make, until it expires."""

    url: str
    headers: dict[str, str] = {}  # noqa: RUF012  # a field's default; nothing writes to it


class AssignedSource(NamedTuple):
    """Where the bytes come from."""

    request: SignedRequest
    guarded: bool = False
    allowed_networks: tuple[str, ...] = ()


class AssignedOutput(NamedTuple):
    """One output, and where its bytes go."""

    output: Output
    request: SignedRequest


class Limits(NamedTuple):
    """What is refused: bytes of the source, pixels of a picture, seconds of one try."""

    source_bytes: int = 100_000_000
    pixels: int = 100_000_000
    seconds: int = 300


class Assignment(NamedTuple):
    """One task."""

    task: str
    source: AssignedSource
    outputs: tuple[AssignedOutput, ...]
    progress: SignedRequest | None = None
    limits: Limits = Limits()


def read_assignment(text: str) -> Assignment:
    """Read an assignment; raises Rejected (`invalid_assignment`) naming the field that is wrong."""
    assignment: Assignment = _parsed(text, Assignment, "assignment")
    if not assignment.outputs:
        raise Rejected(Code.INVALID_ASSIGNMENT, "The assignment has no outputs; name one at least.")
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


def _read(hint: Any, value: Any, at: str) -> Any:  # noqa: ANN401  # the JSON edge
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
    if kind is Resize and not (fields.get("width") or fields.get("height")):
        raise ValueError(f"{at} needs a width or a height, or both")
    return kind(**fields)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
