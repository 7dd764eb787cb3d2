"""What is to be done for each output: which pictures are rendered, and which files made of each."""

from collections.abc import Sequence
from typing import NamedTuple

from darkroom_core.vocabulary import Format

from darkroom_processor import operations
from darkroom_processor.documents import AssignedFile, AssignedOutput, Output
from darkroom_processor.image import colors, frames, responsive
from darkroom_processor.image.decode import Source
from darkroom_processor.image.sniff import SourceFormat

_SWAPS_SIDES = range(5, 9)
"""The EXIF orientations in which width and height change places."""


class Key(NamedTuple):
    """Which decoded picture a job starts from."""

    frame: int = 0
    deep: bool = False


class Job(NamedTuple):
    """One picture to render, and the files to make of it."""

    number: int
    """Which output it belongs to."""
    output: Output
    files: tuple[AssignedFile, ...]
    key: Key
    moves: bool = False
    variant: responsive.Variant | None = None
    """Of a responsive set."""


def jobs_of(outputs: Sequence[AssignedOutput], source: Source) -> list[Job]:
    """Return the jobs of all outputs, in their order."""
    return [
        job
        for number, assigned in enumerate(outputs)
        for job in (
            _jobs_of_set(number, assigned, source)
            if assigned.output.format is Format.HTML
            else [_job_of(number, assigned, source)]
        )
    ]


def _job_of(number: int, assigned: AssignedOutput, source: Source) -> Job:
    output = assigned.output
    if frames.moves(source, output):
        return Job(number, output, assigned.files[:1], Key(), moves=True)
    return Job(number, output, assigned.files[:1], _key_of(output, source))


def _jobs_of_set(number: int, assigned: AssignedOutput, source: Source) -> list[Job]:
    output = assigned.output
    swaps = output.auto_orient and source.orientation in _SWAPS_SIDES
    width = source.size[1] if swaps else source.size[0]
    if source.format is SourceFormat.PNG:
        # How it is turned may be said behind its pixels.
        width = max(source.size)
    return [
        Job(number, variant.output, variant.files, _key_of(output, source), variant=variant)
        for variant in responsive.variants_of(assigned, width)
    ]


def _key_of(output: Output, source: Source) -> Key:
    deep = (
        source.image.mode[0] in "IF"
        and colors.wants_sixteen_bits(output)
        and all(operations.keeps_16_bits(operation) for operation in output.operations)
    )
    return Key(output.frame or 0, deep)
