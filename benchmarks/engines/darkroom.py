"""Darkroom: whole tasks as in a pod, but for the network; files come from and go to a folder."""

import json
import tempfile
from pathlib import Path

from darkroom_processor.assignment import read_outputs
from darkroom_processor.documents import (
    AssignedFile,
    AssignedOutput,
    AssignedSource,
    Assignment,
    SignedRequest,
)
from darkroom_processor.local import LocalFiles
from darkroom_processor.log import be_silent
from darkroom_processor.tasks import process
from orders import serve

_FOLDER = Path(tempfile.mkdtemp(dir="/dev/shm"))  # a pod's /tmp is memory, too


def _make(source: str, format_: str, quality: int | None) -> bytes:
    recipe = {
        "name": "o",
        "format": format_,
        "operations": [{"resize": {"width": 512}}],
        "quality": quality,
    }
    (output,) = read_outputs(json.dumps([recipe]))
    nowhere = SignedRequest("")
    assignment = Assignment(
        "bench",
        sources=(AssignedSource(SignedRequest(source)),),
        outputs=(AssignedOutput(output, (AssignedFile("o", output.format, nowhere),)),),
    )
    process(assignment, LocalFiles(_FOLDER), str(_FOLDER))
    return (_FOLDER / f"o.{output.format.extension}").read_bytes()


if __name__ == "__main__":
    be_silent()
    serve(_make)
