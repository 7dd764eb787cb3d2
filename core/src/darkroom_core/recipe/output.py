"""The recipe: which outputs are made from a source, by which operations, in which format.

The same document is accepted by REST, by `kubectl apply` and by the processor. What the models
refuse, the API server refuses with the same sentence: each cross-field rule is written twice,
once for Python and once in CEL, side by side.
"""

from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from darkroom_core.recipe.fields import MAX_NAME, Color, Side, among
from darkroom_core.recipe.operation import MAX_OPERATIONS, Operation
from darkroom_core.recipe.pages import Pages
from darkroom_core.recipe.table import Table
from darkroom_core.recipe.video import Video
from darkroom_core.schema import DNS_LABEL, Document, rule
from darkroom_core.source import Source
from darkroom_core.vocabulary import (
    MOVIES,
    Animation,
    ColorProfile,
    Format,
    Metadata,
    Subsampling,
)

MAX_OUTPUTS: Final = 64
MAX_FILES: Final = 64
"""Most files that all outputs of a task may be together."""
MAX_WIDTHS: Final = 12
MAX_FORMATS: Final = 4

_WRITTEN_BESIDE: Final = (Format.VTT, Format.JSON)
_WISHED: Final = tuple(f for f in Format if f not in _WRITTEN_BESIDE)
_FOR_BROWSERS: Final = (Format.AVIF, Format.WEBP, Format.JPEG, Format.PNG, Format.GIF)
WishedFormat = Annotated[
    Format,
    AfterValidator(among(*_WISHED)),
    Field(json_schema_extra={"enum": [f.value for f in _WISHED]}),
]
BrowserFormat = Annotated[
    Format,
    AfterValidator(among(*_FOR_BROWSERS)),
    Field(json_schema_extra={"enum": [f.value for f in _FOR_BROWSERS]}),
]
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME, pattern=DNS_LABEL)]


class Responsive(Document):
    """A set of one picture in several widths and formats, and the HTML that chooses among them.

    The files are called <name>-<width>-<format>, the snippet <name>.
    """

    widths: Annotated[list[Side], Field(min_length=1, max_length=MAX_WIDTHS)] = Field(
        description="Widths in pixels. One that is larger than the picture is left out, unless it "
        "is the smallest.",
        examples=[[320, 640, 1280]],
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    formats: Annotated[list[BrowserFormat], Field(min_length=1, max_length=MAX_FORMATS)] = Field(
        description="Formats, the best first: a browser takes the first that it knows.",
        examples=[["avif", "webp", "jpeg"]],
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    sizes: Annotated[str, Field(max_length=500)] = Field(
        "100vw", description="The snippet's sizes attribute.", examples=["(min-width: 60em) 50vw"]
    )
    alt: Annotated[str, Field(max_length=500)] = Field("", description="The snippet's alt text.")
    url_prefix: Annotated[str, Field(max_length=500)] = Field(
        "", description="What is written before each file's name in the snippet."
    )


class SuitableFor(NamedTuple):
    """A setting, and the formats that have it."""

    field: str
    formats: tuple[Format, ...]
    is_optional: bool = True
    """Whether the field may be left out; else it is a flag, which may be off."""

    @property
    def message(self) -> str:
        """The sentence for whoever uses it with another format."""
        return f"{self.field} is for {', '.join(f.value for f in self.formats)}"

    @property
    def rule(self) -> JsonDict:
        """The rule in CEL."""
        formats = ", ".join(f"'{f.value}'" for f in self.formats)
        is_off = f"!has(self.{self.field})" if self.is_optional else f"!self.{self.field}"
        return rule(f"{is_off} || self.format in [{formats}]", self.message)


_LOSSY: Final = (Format.JPEG, Format.WEBP, Format.AVIF)
# A snippet's set has files of several formats: what does not suit one of them is left away there.
SUITABLE: Final = (
    SuitableFor("quality", (*_LOSSY, Format.PDF, Format.HTML)),
    SuitableFor("lossless", (Format.WEBP, Format.HTML), is_optional=False),
    SuitableFor("progressive", (Format.JPEG, Format.HTML), is_optional=False),
    SuitableFor("subsampling", (Format.JPEG, Format.AVIF, Format.HTML)),
    SuitableFor("effort", (Format.WEBP, Format.AVIF, Format.PNG, Format.HTML)),
    SuitableFor("colors", (Format.PNG, Format.GIF, Format.HTML)),
    SuitableFor("maxBytes", (*_LOSSY, Format.HTML)),
    SuitableFor("similarity", (*_LOSSY, Format.HTML)),
    SuitableFor("depth", (Format.PNG, Format.TIFF)),
)
_RESPONSIVE_IS_HTML: Final = "responsive goes with format html, and html with responsive"
_MOVIE_IS_VIDEO: Final = "mp4 and webm are for a video's transcode, and it makes only these"
_ONE_AIM: Final = "give one of quality, similarity and maxBytes"
_MOVING: Final = (Format.GIF, Format.WEBP, Format.PNG, Format.AVIF)
_PREVIEW_MOVES: Final = "a preview is gif, webp, png or avif"
_NO_H264_IN_WEBM: Final = "webm holds vp9 or av1, not h264"


class Output(Document):
    """One file to make, or one set of files that belong together."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                *(suitable.rule for suitable in SUITABLE),
                rule("has(self.responsive) == (self.format == 'html')", _RESPONSIVE_IS_HTML),
                rule(
                    "(has(self.video) && has(self.video.transcode)) == "
                    "(self.format in ['mp4', 'webm'])",
                    _MOVIE_IS_VIDEO,
                ),
                rule(
                    "!(has(self.video) && has(self.video.preview)) || "
                    "self.format in ['gif', 'webp', 'png', 'avif']",
                    _PREVIEW_MOVES,
                ),
                rule(
                    "!(has(self.video) && has(self.video.transcode) && "
                    "has(self.video.transcode.codec)) || "
                    "self.format != 'webm' || self.video.transcode.codec != 'h264'",
                    _NO_H264_IN_WEBM,
                ),
                rule(
                    "!(has(self.similarity) && (has(self.quality) || has(self.maxBytes)))",
                    _ONE_AIM,
                ),
            ]
        }
    )

    name: Name = Field(
        description="The output's name, unique in the task: lower-case letters, digits and "
        "hyphens. It is the last part of the output's URL.",
        examples=["thumb"],
    )
    operations: Annotated[list[Operation], Field(max_length=MAX_OPERATIONS)] = Field(
        default_factory=list,
        description="The steps from the source to this output, in order. None: only the format "
        "changes.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    format: WishedFormat = Field(
        description="The file format. Pictures: jpeg, png, webp, avif, gif, tiff, bmp, ico, pdf; "
        "html with responsive; videos: mp4, webm; tables: csv, xlsx, parquet, zip.",
        examples=["webp"],
    )
    quality: Annotated[int, Field(ge=1, le=100)] | None = Field(
        None,
        description="Encoder quality, 1 to 100. Without it the processor's own default for the "
        "format is used.",
        examples=[80],
    )
    similarity: Annotated[float, Field(ge=0.5, le=1)] | None = Field(
        None,
        description="Instead of a quality: the least structural similarity (SSIM) to the picture "
        "before encoding; the lowest quality that keeps it is used.",
        examples=[0.98],
    )
    max_bytes: Annotated[int, Field(ge=256, le=1_000_000_000)] | None = Field(
        None,
        description="Largest file in bytes: the highest quality that keeps to it is used, up to "
        "`quality` or the format's default.",
    )
    lossless: bool = Field(default=False, description="Encode webp without loss.")
    progressive: bool = Field(default=False, description="Encode jpeg progressively.")
    subsampling: Subsampling | None = Field(
        None, description="Colour samples of jpeg and avif: 4:4:4, 4:2:2 or 4:2:0."
    )
    effort: Annotated[int, Field(ge=0, le=10)] | None = Field(
        None, description="From fastest (0) to smallest (10), for webp, avif and png."
    )
    colors: Annotated[int, Field(ge=2, le=256)] | None = Field(
        None, description="Reduce to a palette of so many colours, for png and gif."
    )
    depth: Annotated[int, Field(json_schema_extra={"enum": [8, 16]})] | None = Field(
        None,
        description="Bits for each channel of png and tiff, 8 or 16; without it 16 where the "
        "source and all operations keep them.",
    )
    metadata: Metadata = Field(
        Metadata.STRIP,
        description="What is kept of the source's metadata: strip (nothing), copyright (author, "
        "copyright, licence) or keep (all but the place and the embedded preview).",
    )
    color_profile: ColorProfile = Field(
        ColorProfile.SRGB,
        description="srgb converts by the source's ICC profile; keep leaves the pixels and embeds "
        "the profile.",
    )
    background: Color = Field(
        "#ffffff", description="Where the format has no transparency: what is behind the picture."
    )
    animation: Animation = Field(
        Animation.KEEP,
        description="Of a moving source: keep all frames, where the format can hold them (gif, "
        "webp, png, avif), or the first.",
    )
    frame: Annotated[int, Field(ge=0, le=100_000)] | None = Field(
        None, description="Of a moving source or one of many pages: this one alone, from 0."
    )
    speed: Annotated[float, Field(ge=0.1, le=10)] = Field(
        1.0, description="Of a moving source: how much faster it runs."
    )
    auto_orient: bool = Field(
        default=True,
        description="Turn the picture upright by its EXIF orientation before all operations.",
    )
    responsive: Responsive | None = Field(
        None, description="Make a set of widths and formats, and its HTML (format html)."
    )
    video: Video | None = Field(None, description="In a task of type Video: what is made of it.")
    pages: Pages | None = Field(None, description="In a task of type Report: its pages.")
    table: Table | None = Field(None, description="In a task of type Export: its columns.")

    @model_validator(mode="after")
    def _settings_suit_the_format(self) -> Self:
        fields = {_snake(suitable.field): suitable for suitable in SUITABLE}
        for name, suitable in fields.items():
            if getattr(self, name) not in {None, False} and self.format not in suitable.formats:
                raise ValueError(suitable.message)
        if (self.responsive is not None) != (self.format is Format.HTML):
            raise ValueError(_RESPONSIVE_IS_HTML)
        is_movie = self.video is not None and self.video.transcode is not None
        if is_movie != (self.format in MOVIES):
            raise ValueError(_MOVIE_IS_VIDEO)
        if self.similarity is not None and (self.quality or self.max_bytes):
            raise ValueError(_ONE_AIM)
        return self

    @model_validator(mode="after")
    def _video_suits_the_format(self) -> Self:
        if self.video is None:
            return self
        if self.video.preview is not None and self.format not in _MOVING:
            raise ValueError(_PREVIEW_MOVES)
        transcode = self.video.transcode
        if transcode is not None and self.format is Format.WEBM and transcode.codec == "h264":
            raise ValueError(_NO_H264_IN_WEBM)
        return self


def _snake(name: str) -> str:
    return "max_bytes" if name == "maxBytes" else name


class File(NamedTuple):
    """One file that an output makes."""

    name: str
    """Unique in the task."""
    format: Format


def files_of(output: Output) -> list[File]:
    """Return the files that an output makes, or may make: a short video has fewer thumbnails."""
    if output.responsive:
        sizes = [
            File(f"{output.name}-{width}-{format_}", format_)
            for format_ in output.responsive.formats
            for width in output.responsive.widths
        ]
        return [File(output.name, Format.HTML), *sizes]
    if output.video and output.video.thumbnails:
        count = output.video.thumbnails.frames
        return [File(f"{output.name}-{number}", output.format) for number in range(1, count + 1)]
    if output.video and output.video.storyboard:
        return [File(output.name, output.format), File(f"{output.name}-vtt", Format.VTT)]
    return [File(output.name, output.format)]


def all_files(outputs: Sequence[Output]) -> list[File]:
    """Return the files of all outputs, in their order."""
    return [file for output in outputs for file in files_of(output)]


def overlays_of(outputs: Sequence[Output]) -> list[Source]:
    """Return the other pictures that the outputs put upon theirs, each once."""
    named = {
        operation.overlay.source.key or operation.overlay.source.url: operation.overlay.source
        for output in outputs
        for operation in output.operations
        if operation.overlay
    }
    return list(named.values())
