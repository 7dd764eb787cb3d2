"""A recipe on local files, by the same steps as in a cluster: for whoever writes recipes."""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from darkroom_processor.assignment import read_outputs
from darkroom_processor.documents import (
    AssignedFile,
    AssignedOutput,
    AssignedSource,
    Assignment,
    SignedRequest,
)
from darkroom_processor.errors import Code, ProcessingError, Rejected
from darkroom_processor.limits import check_source_bytes
from darkroom_processor.report import document
from darkroom_processor.tasks import process

_DESCRIPTION = """\
Darkroom's image processor.

Without arguments it does one task, as in a pod:
  in   DARKROOM_ASSIGNMENT        the assignment (JSON): recipe, limits, signed URLs
  out  the outputs, by PUT to their URLs
       /dev/termination-log       the report (JSON); another path: DARKROOM_TERMINATION_LOG
       stdout                     one JSON line for each notable thing
  exit 0 done; 65 this input can never succeed; 70 a defect; 75 try again; 143 SIGTERM

With --local it runs a recipe on a file here, by the same code.
"""
_EXAMPLE = """\
example:
  python -m darkroom_processor --local photo.jpg out --recipe \\
    '[{"name": "thumb", "format": "webp",
       "operations": [{"resize": {"width": 512, "height": 512, "fit": "cover"}}]}]'
"""


class LocalFiles:
    """A source in one folder, outputs in another."""

    def __init__(self, folder: Path) -> None:
        """The folder is made where it is missing."""
        self._folder = folder

    def fetch(self, source: AssignedSource, path: str, limit: int) -> int:
        """Copy a source to `path`; return its length in bytes, at most `limit`."""
        try:
            check_source_bytes(Path(source.request.url).stat().st_size, limit)
            shutil.copyfile(source.request.url, path)
        except OSError as error:
            raise Rejected(
                Code.SOURCE_NOT_FOUND, f"{source.request.url} cannot be read: {error.strerror}."
            ) from error
        return Path(path).stat().st_size

    def store(self, file: AssignedFile, data: bytes) -> None:
        """Write `<folder>/<name>.<extension>`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / f"{file.name}.{file.format.extension}").write_bytes(data)

    def store_file(self, file: AssignedFile, path: str) -> None:
        """Copy a file to `<folder>/<name>.<extension>`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, self._folder / f"{file.name}.{file.format.extension}")

    def put_facts(self, data: bytes) -> None:
        """Write `<folder>/facts.json`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "facts.json").write_bytes(data)

    def progress(self, percent: int) -> None:
        """Say nothing: local runs are short."""


def main(arguments: Sequence[str]) -> int:
    """Run a recipe on local files and print the report; returns the exit code."""
    options = _parser().parse_args(arguments)
    source, folder = Path(options.local[0]), Path(options.local[1])
    try:
        outputs = read_outputs(options.recipe)
        nowhere = SignedRequest("")
        assignment = Assignment(
            task=source.name,
            sources=(AssignedSource(SignedRequest(str(source))),),
            outputs=tuple(
                AssignedOutput(output, (AssignedFile(output.name, output.format, nowhere),))
                for output in outputs
            ),
        )
        report = process(assignment, LocalFiles(folder), tempfile.gettempdir())
    except ProcessingError as error:
        print(f"{error.code}: {error.message}", file=sys.stderr)  # noqa: T201  # a command line's answer
        return error.exit_code
    print(json.dumps(document(report)))  # noqa: T201  # as above
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m darkroom_processor",
        description=_DESCRIPTION,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--local", nargs=2, metavar=("SOURCE", "FOLDER"), required=True)
    parser.add_argument(
        "--recipe", required=True, metavar="JSON", help="the list of outputs, as in spec.outputs"
    )
    return parser
