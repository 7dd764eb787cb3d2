"""What has to hold for the type, sources and outputs of a task together.

Each law is written twice, in CEL for the API server and in Python for everybody else, side by side.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from pydantic.config import JsonDict

from darkroom_core.recipe import MAX_FILES, Output, all_files
from darkroom_core.schema import rule
from darkroom_core.source import NamedSource, Source
from darkroom_core.vocabulary import TABLES, Format, TaskType

_ONE_SOURCE: Final = (TaskType.IMAGE, TaskType.INSPECT, TaskType.VIDEO)


class Wished(Protocol):
    """What has a type and outputs: a task, or a recipe."""

    @property
    def type(self) -> TaskType:
        """The kind of work."""

    @property
    def outputs(self) -> list[Output]:
        """What is to be made."""


class WishedOfSources(Wished, Protocol):
    """A task's spec, as far as laws speak of it."""

    @property
    def source(self) -> Source | None:
        """The one source."""

    @property
    def sources(self) -> Sequence[NamedSource] | None:
        """The many sources."""

    @property
    def recipe(self) -> str | None:
        """What has the outputs."""

    @property
    def cleanup(self) -> object | None:
        """What is removed."""


WishedT_contra = TypeVar("WishedT_contra", contravariant=True)


class Law(NamedTuple, Generic[WishedT_contra]):
    """One sentence that has to be true."""

    message: str
    expression: str
    holds: Callable[[WishedT_contra], bool]


def rules_of(*laws: Law[WishedT_contra]) -> list[JsonDict]:
    """Return the laws as the API server takes them."""
    return [rule(law.expression, law.message) for law in laws if law.expression]


def checked(wished: WishedT_contra, laws: Iterable[Law[WishedT_contra]]) -> None:
    """Raise ValueError with the sentence of the first law that is broken."""
    for law in laws:
        if not law.holds(wished):
            raise ValueError(law.message)


TASK_LAWS: Final[tuple[Law[WishedOfSources], ...]] = (
    Law(
        "a task of type Image, Inspect or Video has a source, and no sources",
        "!(self.type in ['Image', 'Inspect', 'Video']) || (has(self.source) && !has(self.sources))",
        lambda spec: (
            spec.type not in _ONE_SOURCE or (spec.source is not None and spec.sources is None)
        ),
    ),
    Law(
        "a task of type Report has sources, and no source",
        "self.type != 'Report' || (has(self.sources) && !has(self.source))",
        lambda spec: (
            spec.type is not TaskType.REPORT or (spec.sources is not None and spec.source is None)
        ),
    ),
    Law(
        "a task of type Export has a source of JSON lines, or the sources of a ZIP",
        "self.type != 'Export' || has(self.source) != has(self.sources)",
        lambda spec: (
            spec.type is not TaskType.EXPORT or (spec.source is None) != (spec.sources is None)
        ),
    ),
    Law(
        "cleanup goes with type Cleanup, which has neither source nor sources",
        "(self.type == 'Cleanup') == has(self.cleanup) && "
        "(self.type != 'Cleanup' || !(has(self.source) || has(self.sources)))",
        lambda spec: (
            (spec.type is TaskType.CLEANUP) == (spec.cleanup is not None)
            and (
                spec.type is not TaskType.CLEANUP or (spec.source is None and spec.sources is None)
            )
        ),
    ),
    Law(
        "a task has outputs or a recipe; one of type Inspect or Cleanup has neither",
        "self.type in ['Inspect', 'Cleanup'] ? size(self.outputs) == 0 && !has(self.recipe) : "
        "(size(self.outputs) > 0) != has(self.recipe)",
        lambda spec: (
            not spec.outputs and spec.recipe is None
            if spec.type in {TaskType.INSPECT, TaskType.CLEANUP}
            else bool(spec.outputs) != (spec.recipe is not None)
        ),
    ),
    Law(
        "csv, xlsx, parquet and zip are for tasks of type Export, zip for those with sources",
        "self.outputs.all(o, (o.format in ['csv', 'xlsx', 'parquet', 'zip']) == "
        "(self.type == 'Export') && (self.type == 'Export' ? "
        "(o.format == 'zip') == has(self.sources) : !has(o.table)))",
        lambda spec: all(_suits_export(spec, o) for o in spec.outputs),
    ),
)

OUTPUT_LAWS: Final[tuple[Law[Wished], ...]] = (
    Law(
        "each output of a task of type Video says by video what it is, and no other does",
        "self.outputs.all(o, has(o.video) == (self.type == 'Video'))",
        lambda spec: all(
            (o.video is not None) == (spec.type is TaskType.VIDEO) for o in spec.outputs
        ),
    ),
    Law(
        "the outputs of a task of type Report are pdf, and only they have pages",
        "self.outputs.all(o, self.type == 'Report' ? o.format == 'pdf' : !has(o.pages))",
        lambda spec: all(
            o.format is Format.PDF if spec.type is TaskType.REPORT else o.pages is None
            for o in spec.outputs
        ),
    ),
    Law(
        f"the outputs make more than {MAX_FILES} files together",
        "self.outputs.map(o, has(o.responsive) ? "
        "size(o.responsive.widths) * size(o.responsive.formats) + 1 : "
        "!has(o.video) ? 1 : has(o.video.thumbnails) ? o.video.thumbnails.frames : "
        f"has(o.video.storyboard) ? 2 : 1).sum() <= {MAX_FILES}",
        lambda spec: len(all_files(spec.outputs)) <= MAX_FILES,
    ),
    Law(
        "where an output makes several files, no other's name begins with its name and a hyphen",
        "self.outputs.all(o, !(has(o.responsive) || (has(o.video) && "
        "(has(o.video.thumbnails) || has(o.video.storyboard)))) || "
        "self.outputs.all(other, !other.name.startsWith(o.name + '-')))",
        lambda spec: all(
            not other.name.startswith(f"{o.name}-")
            for o in spec.outputs
            if o.responsive or (o.video and (o.video.thumbnails or o.video.storyboard))
            for other in spec.outputs
        ),
    ),
    # To the API server the name is the key of the list.
    Law(
        "two outputs have the same name",
        "",
        lambda spec: len({o.name for o in spec.outputs}) == len(spec.outputs),
    ),
)
"""What a recipe has to keep to as well as a task."""


def _suits_export(spec: WishedOfSources, output: Output) -> bool:
    if spec.type is not TaskType.EXPORT:
        return output.format not in TABLES and output.table is None
    return output.format in TABLES and (output.format is Format.ZIP) == (spec.sources is not None)
