"""The command line: recipes and facts of local files, without a cluster."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from darkroom_core.exit_codes import ExitCode

from darkroom_processor import log
from darkroom_processor.errors import ProcessingError
from darkroom_processor.local import Run, folders_for, inspect, run

_DESCRIPTION: Final = """\
Darkroom's processor: recipes and facts on local files, by the code that runs in a cluster.

In a pod it is started as `python -m darkroom_processor`, without arguments:
  in   DARKROOM_ASSIGNMENT        the assignment (JSON): recipe, limits, signed URLs
  out  the outputs, by PUT to their URLs
       /dev/termination-log       the report (JSON); another path: DARKROOM_TERMINATION_LOG
       stdout                     one JSON line for each notable thing
  exit 0 done; 65 this input can never succeed; 70 a defect; 75 try again; 143 SIGTERM
"""
_LOCAL: Final = """\
Write the outputs of a recipe, report.json and facts.json to a folder; with more than one file, to
a folder of its own for each. Files of a Report or ZIP are the sources of one task.

A recipe is a list of outputs, or an object with `type` and `outputs` as in a task's spec; a whole
ProcessingTask or ProcessingRecipe will do. Keys of overlays are paths beside the recipe.
"""
_EXAMPLES: Final = """\
examples:
  echo '[{"name": "thumb", "format": "webp", "operations": [{"resize": {"width": 512}}]}]' > r.json
  darkroom-processor local --recipe r.json --out out photo.jpg        writes out/thumb.webp
  darkroom-processor local --recipe r.json --out out *.jpg            writes out/<file>/thumb.webp

exit code: 0 done; 65 a file or the recipe can never succeed; 70 a defect; 75 something was away.
With many files, that of the first that failed; the others are done all the same.
"""
_INSPECT_EXAMPLES: Final = """\
examples:
  darkroom-processor inspect photo.jpg
  darkroom-processor inspect *.mp4 | jq '{name, durationSeconds}'
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; return the exit code."""
    options = _parser().parse_args(arguments)
    # stdout is for answers.
    log.be_silent()
    if options.command == "inspect":
        return _inspect(options.files)
    return _local(Path(options.recipe), Path(options.out), options.files)


def _local(recipe_path: Path, out: Path, files: list[str]) -> int:
    from darkroom_processor.local_recipe import Recipe  # noqa: PLC0415  # slow to import

    try:
        recipe = Recipe(recipe_path)
    except ProcessingError as error:
        print(f"{error.code}: {error.message}", file=sys.stderr)  # noqa: T201  # a command line's answer
        return error.exit_code
    if recipe.is_of_many:
        return _told(", ".join(files), run(recipe.assignment(files), out), out)
    codes = [
        _told(file, run(recipe.assignment([file]), folder), folder)
        for file, folder in zip(files, folders_for(files, out), strict=True)
    ]
    return next((code for code in codes if code), ExitCode.DONE)


def _inspect(files: list[str]) -> int:
    worst: int = ExitCode.DONE
    for file in files:
        done, lines = inspect(file)
        for line in lines:
            print(line)  # noqa: T201  # as above
        worst = worst or _told(file, done, None)
    return worst


def _told(name: str, done: Run, folder: Path | None) -> int:
    """Say what was written, or what went wrong; return the exit code."""
    if done.report.error:
        error = done.report.error
        print(f"{name}: {error.code}: {error.message}", file=sys.stderr)  # noqa: T201  # as above
    for output in done.report.outputs if folder else ():
        print(f"{folder}/{output.name}.{output.format.extension}")  # noqa: T201  # as above
    return done.exit_code


def _parser() -> argparse.ArgumentParser:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "darkroom-processor", description=_DESCRIPTION, epilog=_EXAMPLES, formatter_class=plain
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    local = commands.add_parser(
        "local",
        help="make the outputs of a recipe",
        description=_LOCAL,
        epilog=_EXAMPLES,
        formatter_class=plain,
    )
    local.add_argument("--recipe", required=True, metavar="FILE", help="JSON, or YAML")
    local.add_argument("--out", required=True, metavar="DIR", help="where outputs go")
    local.add_argument("files", nargs="+", metavar="FILE", help="a source")
    tell = commands.add_parser(
        "inspect",
        help="print the facts of pictures and videos, one JSON object on each line",
        description="Print the facts of pictures and videos, one JSON object on each line.",
        epilog=_INSPECT_EXAMPLES,
        formatter_class=plain,
    )
    tell.add_argument("files", nargs="+", metavar="FILE", help="a picture or video")
    return parser
