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
from darkroom_processor.limits import check_source_bytes
from darkroom_processor.local import LocalFiles
from darkroom_processor.log import be_silent
from darkroom_processor.tasks import process
from orders import serve

_FOLDER = Path(tempfile.mkdtemp(dir="/dev/shm"))  # a pod's /tmp is memory, too


class Linked(LocalFiles):
    """Sources are read where they are, as the other engines read them."""

    def fetch(self, source: AssignedSource, path: str, limit: int) -> int:
        """Link a source to `path`; return its length in bytes."""
        Path(path).symlink_to(source.request.url)
        check_source_bytes(Path(path).stat().st_size, limit)
        return Path(path).stat().st_size


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
    process(assignment, Linked(_FOLDER), str(_FOLDER))
    return (_FOLDER / f"o.{output.format.extension}").read_bytes()


if __name__ == "__main__":
    be_silent()
    serve(_make)
