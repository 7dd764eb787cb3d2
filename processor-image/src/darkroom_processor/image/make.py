"""One job done: a picture rendered, and every file made of it."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from darkroom_core.vocabulary import Fit, Format
from PIL import Image

from darkroom_processor.documents import AssignedFile, FileFacts, Output, OutputReport
from darkroom_processor.image import colors
from darkroom_processor.image.decode import Base, Source, reopened
from darkroom_processor.image.encode import Extras, encode
from darkroom_processor.image.frames import film_of
from darkroom_processor.image.jobs import Job
from darkroom_processor.image.metadata import Metadata, written
from darkroom_processor.image.render import render, renderer
from darkroom_processor.image.responsive import suited
from darkroom_processor.steps import since

_SAME_LOOK = frozenset({Fit.FIT, Fit.OUTSIDE})


class Made(NamedTuple):
    """A file that was made."""

    file: AssignedFile
    data: bytes
    image: Image.Image | None = None
    """Its picture, of a moving one the first frame; None where it is no picture."""
    profile: bytes | None = None
    frames: int = 1
    seconds: float | None = None
    looks_like_source: bool = False
    render: int = 0
    """Milliseconds."""
    encode: int = 0
    store: int = 0
    report: OutputReport = OutputReport("", Format.HTML, 0, "")
    facts: FileFacts | None = None


def make_still(
    job: Job, base: Base, pixels: int, overlays: Mapping[str, Image.Image]
) -> list[Made]:
    """Return the files of one still picture; none where its width is left out of its set."""
    start = time.monotonic()
    image = render(base, job.output, pixels, overlays)
    if job.variant and not job.variant.is_wanted(image.width):
        return []
    took = since("render", start)
    made: list[Made] = []
    same = _looks_like_source(job.output, base.orientation)
    for file in job.files:
        output = suited(job.output, file.format) if job.variant else job.output
        profile = colors.kept_profile(base.profile, image, job.output)
        extras = Extras(written(base.metadata, output.metadata), profile)
        start = time.monotonic()
        # Pillow's save() writes to the object that it saves.
        own = image.copy() if len(job.files) > 1 else image
        data = encode(own, output, extras)
        done = Made(file, data, image, profile, looks_like_source=same, render=took)
        made.append(done._replace(encode=since("encode", start)))
        took = 0
    return made


def make_film(
    job: Job, source: Source, overlays: Mapping[str, Image.Image], metadata: Metadata | None
) -> list[Made]:
    """Return the file of one moving picture."""
    from darkroom_processor.image.moving import encode_film  # noqa: PLC0415  # seldom needed

    start = time.monotonic()
    output = job.output
    profile = source.profile if source.profile and _keeps(source, output) else None

    def new_render() -> Callable[[Image.Image], Image.Image]:
        draw = renderer(output, source.pixels, overlays)
        return lambda image: draw(Base(image, image.size, 1.0, source.orientation, source.profile))

    movie = encode_film(
        lambda: film_of(reopened(source)),
        output,
        new_render,
        Extras(written(metadata, output.metadata), profile),
        source.pixels,
    )
    took = since("render", start)
    return [
        Made(
            job.files[0],
            movie.data,
            movie.first,
            profile,
            movie.length,
            round(movie.seconds, 3),
            looks_like_source=_looks_like_source(output, source.orientation),
            render=took,
        )
    ]


def _keeps(source: Source, output: Output) -> bool:
    return colors.kept_profile(source.profile, Image.new("RGB", (1, 1)), output) is not None


def _looks_like_source(output: Output, orientation: int) -> bool:
    """Whether nothing but the size of the whole picture is changed."""
    if output.frame or (orientation != 1 and not output.auto_orient):
        return False
    return all(
        operation.resize is not None and operation.resize.fit in _SAME_LOOK
        for operation in output.operations
    )
