"""The report: what a processor says when it ends.

It is the container's termination message, which the kubelet cuts at 4,096 bytes, so a report of
many outputs is packed: names and formats are left out (the task has them, in the same order) and
the rest is compressed.
"""

import base64
import json
import zlib
from collections.abc import Sequence
from typing import Final

from pydantic import Field

from darkroom_core.recipe import Format, Output
from darkroom_core.schema import Document

MAX_BYTES: Final = 4096
"""Longest termination message the kubelet keeps, in bytes (kubelet, pod lifecycle docs)."""

_PACKED: Final = "z1:"


class OutputReport(Document):
    """One file that was written."""

    name: str = Field(description="The output's name in the recipe.", max_length=63)
    format: Format = Field(description="The file's format.")
    width: int = Field(description="Width in pixels.")
    height: int = Field(description="Height in pixels.")
    bytes: int = Field(
        description="Size of the file in bytes.", json_schema_extra={"format": "int64"}
    )
    sha256: str = Field(
        description="SHA-256 of the file, in hexadecimal; also its ETag.", max_length=64
    )


class TaskError(Document):
    """Why a task failed."""

    code: str = Field(
        description="A stable word for programs, for example corrupt_image.", max_length=63
    )
    message: str = Field(description="A sentence for people that says what to do.", max_length=1024)
    retryable: bool = Field(description="Whether the same task could succeed at another time.")


class Timings(Document):
    """Where the time went, in milliseconds."""

    fetch: int = Field(0, description="Getting the source.")
    decode: int = Field(0, description="Decoding it.")
    render: int = Field(0, description="Operations and encoding, all outputs.")
    store: int = Field(0, description="Writing the outputs.")


class Report(Document):
    """What a processor did: all outputs, or an error."""

    outputs: list[OutputReport] = Field(default_factory=list)
    error: TaskError | None = None
    timings: Timings | None = None
    peak_memory_bytes: int | None = None


def pack(report: Report) -> str:
    """Return the report as text of at most 4,096 bytes: JSON where that fits, else compressed."""
    text = json.dumps(report.document(), separators=(",", ":"), ensure_ascii=True)
    if len(text) <= MAX_BYTES:
        return text
    rows = [
        [o.width, o.height, o.bytes, base64.b64encode(bytes.fromhex(o.sha256)).decode().rstrip("=")]
        for o in report.outputs
    ]
    rest = report.model_copy(update={"outputs": []}).document()
    packed = json.dumps([rows, rest], separators=(",", ":")).encode()
    text = _PACKED + base64.b85encode(zlib.compress(packed, 9)).decode()
    if len(text) > MAX_BYTES:
        msg = f"a report of {len(text)} bytes does not fit the termination message ({MAX_BYTES})"
        raise ValueError(msg)
    return text


def unpack(text: str, outputs: Sequence[Output]) -> Report:
    """Read a termination message; `outputs` are the task's, in the order they were assigned.

    Raises ValueError when the text is no report, as when a container was killed while it wrote.
    """
    if not text.startswith(_PACKED):
        return Report.model_validate_json(text)
    try:
        packed = zlib.decompress(base64.b85decode(text.removeprefix(_PACKED)))
    except zlib.error as error:
        msg = f"the report is damaged: {error}"
        raise ValueError(msg) from error
    rows, rest = json.loads(packed)
    return Report.model_validate(
        rest
        | {
            "outputs": [
                {
                    "name": output.name,
                    "format": output.format,
                    "width": width,
                    "height": height,
                    "bytes": size,
                    "sha256": base64.b64decode(digest + "=").hex(),
                }
                for output, (width, height, size, digest) in zip(outputs, rows, strict=True)
            ]
        }
    )
