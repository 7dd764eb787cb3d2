"""The core's documents as named tuples.

Generated from core/ by `make generate`; do not edit.
"""

from typing import NamedTuple

from darkroom_core.vocabulary import (
    Align,
    Animation,
    ColorProfile,
    Filter,
    Fit,
    FlipDirection,
    Font,
    Format,
    Gravity,
    Metadata,
    Paper,
    Subsampling,
    TaskType,
    VideoCodec,
)


class SignedRequest(NamedTuple):
    """A request that whoever holds it may make, until it expires."""

    url: str
    headers: dict[str, str] = {}


class AssignedSource(NamedTuple):
    """Where the bytes of one file come from."""

    request: SignedRequest
    name: str = ""
    guarded: bool = False
    allowed_networks: tuple[str, ...] = ()


class Point(NamedTuple):
    """A place in a picture, whatever its size."""

    x: float
    y: float


class Resize(NamedTuple):
    """Change the size. With one side given, the other follows from the aspect ratio."""

    width: int | None = None
    height: int | None = None
    scale: float | None = None
    fit: Fit = Fit.FIT
    gravity: Gravity = Gravity.CENTER
    focus: Point | None = None
    enlarge: bool = False
    dpr: float = 1.0
    filter: Filter = Filter.LANCZOS
    background: str = "#ffffff"


class Crop(NamedTuple):
    """Cut out a rectangle. What lies outside the picture is left away."""

    x: int | None = None
    y: int | None = None
    width: int | None = None
    height: int | None = None
    aspect: str | None = None
    gravity: Gravity = Gravity.CENTER
    focus: Point | None = None


class Trim(NamedTuple):
    """Cut off borders of one colour."""

    threshold: int = 10
    color: str | None = None


class Extend(NamedTuple):
    """Add space around the picture."""

    top: int = 0
    right: int = 0
    bottom: int = 0
    left: int = 0
    background: str = "#ffffff"


class Rotate(NamedTuple):
    """Turn the picture; the canvas grows so that nothing is cut off."""

    angle: float
    background: str = "#ffffff"


class Flip(NamedTuple):
    """Mirror the picture."""

    direction: FlipDirection


class Border(NamedTuple):
    """Add a frame around the picture."""

    width: int
    color: str = "#000000"


class RoundCorners(NamedTuple):
    """Make the corners round; what is cut off is transparent (white in JPEG)."""

    radius: int


class Circle(NamedTuple):
    """Cut out the largest circle or, of a picture that is not square, ellipse."""


class Flatten(NamedTuple):
    """Put the picture on a background, so that nothing is transparent."""

    background: str = "#ffffff"


class Grayscale(NamedTuple):
    """Take the colours out."""


class Sepia(NamedTuple):
    """Give it the brown of an old photograph."""

    amount: float = 1.0


class Tint(NamedTuple):
    """Colour it: dark stays dark, light takes the colour."""

    color: str
    amount: float = 1.0


class Brightness(NamedTuple):
    """Make it lighter or darker."""

    factor: float


class Contrast(NamedTuple):
    """Make differences of brightness larger or smaller."""

    factor: float


class Saturation(NamedTuple):
    """Make colours stronger or weaker."""

    factor: float


class Gamma(NamedTuple):
    """Make the middle tones lighter or darker; black and white stay."""

    gamma: float


class Invert(NamedTuple):
    """Turn it into its negative; what is transparent stays so."""


class Normalize(NamedTuple):
    """Stretch the tones from black to white (auto levels)."""

    cutoff: float = 0.5
    black: int | None = None
    white: int | None = None


class Posterize(NamedTuple):
    """Reduce the number of tones."""

    bits: int


class Vignette(NamedTuple):
    """Darken it, or colour it, towards the corners."""

    amount: float = 0.5
    radius: float = 0.5
    color: str = "#000000"


class Blur(NamedTuple):
    """Blur it (Gaussian)."""

    sigma: float


class Sharpen(NamedTuple):
    """Sharpen it a little, as after a resize."""

    amount: float = 1.0


class Unsharp(NamedTuple):
    """Sharpen it by an unsharp mask."""

    radius: float = 2.0
    percent: int = 150
    threshold: int = 3


class Pixelate(NamedTuple):
    """Make it of large squares."""

    size: int


class Source(NamedTuple):
    """Where a file comes from: a key in Darkroom's storage, or a URL."""

    key: str | None = None
    url: str | None = None


class Overlay(NamedTuple):
    """Put another picture upon it, as a watermark. It is made smaller where it would stick out."""

    source: Source
    gravity: Gravity = Gravity.SOUTHEAST
    x: int = 0
    y: int = 0
    opacity: float = 1.0
    angle: float = 0.0
    tile: bool = False
    spacing: int = 32
    size: float | None = None


class Text(NamedTuple):
    """Write a text upon it. Lines are broken and letters made smaller, so that nothing is cut."""

    text: str
    gravity: Gravity = Gravity.SOUTHEAST
    x: int = 0
    y: int = 0
    opacity: float = 1.0
    angle: float = 0.0
    tile: bool = False
    spacing: int = 32
    font: Font = Font.SANS
    size: float = 0.05
    color: str = "#ffffff"
    background: str | None = None
    align: Align = Align.LEFT
    max_width: float = 0.9


class Operation(NamedTuple):
    """One step of an output's recipe: exactly one of its fields is set."""

    resize: Resize | None = None
    crop: Crop | None = None
    trim: Trim | None = None
    extend: Extend | None = None
    rotate: Rotate | None = None
    flip: Flip | None = None
    border: Border | None = None
    round_corners: RoundCorners | None = None
    circle: Circle | None = None
    flatten: Flatten | None = None
    grayscale: Grayscale | None = None
    sepia: Sepia | None = None
    tint: Tint | None = None
    brightness: Brightness | None = None
    contrast: Contrast | None = None
    saturation: Saturation | None = None
    gamma: Gamma | None = None
    invert: Invert | None = None
    normalize: Normalize | None = None
    posterize: Posterize | None = None
    vignette: Vignette | None = None
    blur: Blur | None = None
    sharpen: Sharpen | None = None
    unsharp: Unsharp | None = None
    pixelate: Pixelate | None = None
    overlay: Overlay | None = None
    text: Text | None = None


class Responsive(NamedTuple):
    """A set of one picture in several widths and formats, and the HTML that chooses among them."""

    widths: tuple[int, ...]
    formats: tuple[Format, ...]
    sizes: str = "100vw"
    alt: str = ""
    url_prefix: str = ""


class Poster(NamedTuple):
    """One frame, as a picture."""

    at: float | None = None


class Thumbnails(NamedTuple):
    """Frames at equal distances, each a picture of its own (name-1, name-2, ...)."""

    every: float | None = None
    frames: int = 10


class Storyboard(NamedTuple):
    """A sheet of frames as one picture, and a WebVTT file that says which is shown when."""

    columns: int = 5
    frames: int = 25
    width: int = 160


class Preview(NamedTuple):
    """A short moving picture without sound."""

    start: float = 0.0
    duration: float = 3.0
    fps: float = 10.0
    speed: float = 1.0


class Transcode(NamedTuple):
    """Another video: of another size, codec or part."""

    start: float = 0.0
    duration: float | None = None
    codec: VideoCodec | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    quality: int = 60
    audio: bool = True


class Video(NamedTuple):
    """What this output of a video is: exactly one of its fields is set."""

    poster: Poster | None = None
    thumbnails: Thumbnails | None = None
    storyboard: Storyboard | None = None
    preview: Preview | None = None
    transcode: Transcode | None = None


class Pages(NamedTuple):
    """How the pictures are laid out on the pages of a PDF."""

    title: str = ""
    paper: Paper = Paper.A4
    landscape: bool = False
    columns: int = 3
    rows: int = 4
    captions: bool = True
    facts: bool = False


class Column(NamedTuple):
    """One column."""

    field: str
    title: str | None = None


class Table(NamedTuple):
    """Which values of the source's lines (JSON lines) are written, and in what order."""

    columns: tuple[Column, ...] = ()


class Output(NamedTuple):
    """One file to make, or one set of files that belong together."""

    name: str
    format: Format
    operations: tuple[Operation, ...] = ()
    quality: int | None = None
    similarity: float | None = None
    max_bytes: int | None = None
    lossless: bool = False
    progressive: bool = False
    subsampling: Subsampling | None = None
    effort: int | None = None
    colors: int | None = None
    depth: int | None = None
    metadata: Metadata = Metadata.STRIP
    color_profile: ColorProfile = ColorProfile.SRGB
    background: str = "#ffffff"
    animation: Animation = Animation.KEEP
    frame: int | None = None
    speed: float = 1.0
    auto_orient: bool = True
    responsive: Responsive | None = None
    video: Video | None = None
    pages: Pages | None = None
    table: Table | None = None


class AssignedFile(NamedTuple):
    """One file of an output, and where its bytes go (PUT)."""

    name: str
    format: Format
    request: SignedRequest


class AssignedOutput(NamedTuple):
    """One output, and the files that it makes, in the order of `recipe.files_of`."""

    output: Output
    files: tuple[AssignedFile, ...]


class Limits(NamedTuple):
    """What a processor refuses to exceed; checked before anything is decoded."""

    source_bytes: int = 100000000
    pixels: int = 100000000
    seconds: int = 300


class Assignment(NamedTuple):
    """One task, as the processor sees it."""

    task: str
    type: TaskType = TaskType.IMAGE
    sources: tuple[AssignedSource, ...] = ()
    overlays: tuple[AssignedSource, ...] = ()
    outputs: tuple[AssignedOutput, ...] = ()
    facts: SignedRequest | None = None
    cleanup: SignedRequest | None = None
    progress: SignedRequest | None = None
    limits: Limits = Limits()


class SourceReport(NamedTuple):
    """What the source is: the least of its facts. All of them are in the task's facts.json."""

    format: str
    bytes: int
    sha256: str
    width: int | None = None
    height: int | None = None
    orientation: int = 1
    has_alpha: bool = False
    frames: int = 1
    duration_seconds: float | None = None


class OutputReport(NamedTuple):
    """One file that was written."""

    name: str
    format: Format
    bytes: int
    sha256: str
    width: int | None = None
    height: int | None = None


class TaskError(NamedTuple):
    """Why a task failed."""

    code: str
    message: str
    retryable: bool


class Timings(NamedTuple):
    """Where the time went, in milliseconds."""

    fetch: int = 0
    decode: int = 0
    render: int = 0
    encode: int = 0
    store: int = 0


class Step(NamedTuple):
    """A step of a processor's work, from its first begin to its last end."""

    name: str
    start: float
    seconds: float


class Report(NamedTuple):
    """What a processor did: all outputs, or an error."""

    source: SourceReport | None = None
    outputs: tuple[OutputReport, ...] = ()
    error: TaskError | None = None
    timings: Timings | None = None
    peak_memory_bytes: int | None = None
    read_bytes: int | None = None
    started: float | None = None
    steps: tuple[Step, ...] = ()


class ColorShare(NamedTuple):
    """A colour, and how much of a picture has about that colour."""

    color: str
    share: float


class CameraFacts(NamedTuple):
    """How a photograph was taken, by its EXIF; where it was taken is never told."""

    make: str | None = None
    model: str | None = None
    lens: str | None = None
    exposure_seconds: float | None = None
    f_number: float | None = None
    iso: int | None = None
    focal_length: float | None = None
    taken_at: str | None = None


class VideoFacts(NamedTuple):
    """What a video is."""

    codec: str
    frames_per_second: float | None = None
    audio_codec: str | None = None
    bit_rate: int | None = None


class FileFacts(NamedTuple):
    """All that is known of one file."""

    name: str
    format: str
    bytes: int
    sha256: str
    width: int | None = None
    height: int | None = None
    orientation: int = 1
    has_alpha: bool = False
    frames: int = 1
    duration_seconds: float | None = None
    depth: int | None = None
    mode: str | None = None
    profile: str | None = None
    dominant_color: str | None = None
    palette: tuple[ColorShare, ...] = ()
    blur_hash: str | None = None
    thumb_hash: str | None = None
    perceptual_hash: str | None = None
    camera: CameraFacts | None = None
    video: VideoFacts | None = None


class Facts(NamedTuple):
    """The facts of a task's files: the document facts.json."""

    sources: tuple[FileFacts, ...] = ()
    outputs: tuple[FileFacts, ...] = ()
