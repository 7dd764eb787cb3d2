"""The report: what a processor says when it ends.

It is the container's termination message, which the kubelet cuts at 4,096 bytes, so a report of
many files is packed: a number stands for each file's name and format (the task has them in the same
order) and the rest is compressed.
"""

import base64
import json
import zlib
from collections.abc import Sequence
from typing import Final

from pydantic import ConfigDict, Field

from darkroom_core.recipe import File
from darkroom_core.schema import Document
from darkroom_core.vocabulary import Format

MAX_BYTES: Final = 4096
"""Longest termination message the kubelet keeps, in bytes (kubelet, pod lifecycle docs)."""

_PACKED: Final = "z2:"
_DIGEST: Final = 32
# A processor may be newer than who reads its report: what is only measured must not lose it.
_NEWER: Final = ConfigDict(extra="ignore")


class OutputReport(Document):
    """One file that was written."""

    name: str = Field(
        description="The output's name in the recipe; of a set, the file's own.", max_length=80
    )
    format: Format = Field(description="The file's format.")
    width: int | None = Field(None, description="Width in pixels, of a picture or video.")
    height: int | None = Field(None, description="Height in pixels, of a picture or video.")
    bytes: int = Field(
        description="Size of the file in bytes.", json_schema_extra={"format": "int64"}
    )
    sha256: str = Field(
        description="SHA-256 of the file, in hexadecimal; also its ETag.", max_length=64
    )


class SourceReport(Document):
    """What the source is: the least of its facts. All of them are in the task's facts.json."""

    format: str = Field(description="Its format, by its content.", max_length=32)
    width: int | None = Field(None, description="Width in pixels, as it is stored.")
    height: int | None = Field(None, description="Height in pixels, as it is stored.")
    bytes: int = Field(description="Size in bytes.", json_schema_extra={"format": "int64"})
    sha256: str = Field(description="SHA-256, in hexadecimal.", max_length=64)
    orientation: int = Field(1, description="EXIF orientation; 1 is upright.")
    has_alpha: bool = Field(default=False, description="Whether anything may be transparent.")
    frames: int = Field(1, description="Frames, or pages.")
    duration_seconds: float | None = Field(None, description="Of a moving source: its length.")


class TaskError(Document):
    """Why a task failed."""

    code: str = Field(
        description="A stable word for programs, for example corrupt_image.", max_length=63
    )
    message: str = Field(description="A sentence for people that says what to do.", max_length=1024)
    retryable: bool = Field(description="Whether the same task could succeed at another time.")


class Timings(Document):
    """Where the time went, in milliseconds."""

    model_config = _NEWER

    fetch: int = Field(0, description="Getting the source.")
    decode: int = Field(0, description="Decoding it.")
    render: int = Field(
        0,
        description="Operations, all outputs; and encoding, where that cannot be told apart: of "
        "moving pictures and of whatever is no picture.",
    )
    encode: int = Field(0, description="Encoding still pictures, all outputs.")
    store: int = Field(0, description="Writing the outputs.")


class Step(Document):
    """A step of a processor's work, from its first begin to its last end."""

    model_config = _NEWER

    name: str = Field(description="Such as fetch, decode, render, encode or store.", max_length=63)
    start: float = Field(description="Seconds from the processor's start to the step's.")
    seconds: float = Field(description="How long it went on.")


class Report(Document):
    """What a processor did: all outputs, or an error."""

    model_config = _NEWER

    source: SourceReport | None = None
    outputs: list[OutputReport] = Field(default_factory=list)
    error: TaskError | None = None
    timings: Timings | None = None
    peak_memory_bytes: int | None = None
    read_bytes: int | None = None
    started: float | None = Field(
        None, description="When the processor started, in seconds since 1970."
    )
    steps: list[Step] = Field(default_factory=list)


def pack(report: Report, files: Sequence[File]) -> str:
    """Return the report as text of at most 4,096 bytes: JSON where that fits, else compressed.

    `files` are those that were assigned, in their order; a report may name fewer.
    """
    text = json.dumps(report.document(), separators=(",", ":"), ensure_ascii=True)
    if len(text) <= MAX_BYTES:
        return text
    packed = _packed(report, files)
    if len(packed) > MAX_BYTES:
        # What is only measured makes room for what was done.
        packed = _packed(report.model_copy(update={"steps": []}), files)
    if len(packed) > MAX_BYTES:
        msg = f"a report of {len(packed)} bytes does not fit the termination message ({MAX_BYTES})"
        raise ValueError(msg)
    return packed


def _packed(report: Report, files: Sequence[File]) -> str:
    numbers = {file.name: number for number, file in enumerate(files)}
    # What differs without a pattern stands together, and what is alike too: it compresses better.
    rows = [[numbers[o.name], o.width, o.height, o.bytes] for o in report.outputs]
    digests = b"".join(bytes.fromhex(o.sha256) for o in report.outputs)
    rest = report.model_copy(update={"outputs": []}).document()
    packed = zlib.compress(json.dumps([rows, rest], separators=(",", ":")).encode(), 9)
    return f"{_PACKED}{len(rows):02}{base64.b85encode(digests + packed).decode()}"


def unpack(text: str, files: Sequence[File]) -> Report:
    """Read a termination message; `files` are the task's, in the order they were assigned.

    Raises ValueError when the text is no report, as when a container was killed while it wrote.
    """
    if not text.startswith(_PACKED):
        return Report.model_validate_json(text)
    try:
        count = int(text[len(_PACKED) :][:2])
        data = base64.b85decode(text[len(_PACKED) + 2 :])
        rows, rest = json.loads(zlib.decompress(data[count * _DIGEST :]))
        outputs = [
            {
                "name": files[number].name,
                "format": files[number].format,
                "width": width,
                "height": height,
                "bytes": size,
                "sha256": data[at * _DIGEST : (at + 1) * _DIGEST].hex(),
            }
            for at, (number, width, height, size) in enumerate(rows)
        ]
    except (zlib.error, IndexError) as error:
        msg = f"the report is damaged: {error}"
        raise ValueError(msg) from error
    return Report.model_validate(rest | {"outputs": outputs})
