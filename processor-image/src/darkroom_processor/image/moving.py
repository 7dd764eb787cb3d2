"""Moving outputs: every frame is decoded, rendered and encoded before the next one."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Final, NamedTuple

from darkroom_core.vocabulary import Format
from PIL import Image

from darkroom_processor.documents import Output
from darkroom_processor.image import apng, encode, gif, quality
from darkroom_processor.image.frames import Film, Frame
from darkroom_processor.image.metadata import EXIF_PREFIX
from darkroom_processor.image.palette import MOST_COLORS
from darkroom_processor.image.reel import Reel
from darkroom_processor.limits import check_output_pixels, check_output_side

_WEBP_FLAGS: Final = 20
_WEBP_ALPHA: Final = 0x10

Render = Callable[[Image.Image], Image.Image]


class Movie(NamedTuple):
    """A moving output."""

    data: bytes
    first: Image.Image
    """Its first frame."""
    length: int
    seconds: float


def encode_film(
    open_film: Callable[[], Film],
    output: Output,
    make_render: Callable[[], Render],
    extras: encode.Extras,
    pixels: int,
) -> Movie:
    """Return the film in the output's format, every frame rendered.

    A size or likeness that is aimed at may take several tries: the film is opened anew for each.
    """
    made: list[Movie] = []

    def at(quality_: int) -> bytes:
        with closing(open_film()) as film:
            shown = _Shown(film.frames(output.speed), make_render(), film.length, output, pixels)
            data = _written(film, iter(shown), output, quality_, extras)
        made[:] = [Movie(data, shown.first, film.length, shown.milliseconds / 1000)]
        return data

    if output.similarity is not None:
        # The first frame stands for all.
        with closing(open_film()) as film:
            still = encode.fitted(make_render()(next(film.frames(1.0)).image), output)
        data = at(quality.alike(lambda q: encode.saved(still, output, q, extras), still, output))
    else:
        data = quality.aimed(at, output, encode.QUALITY)
    return made[0]._replace(data=data)


class _Shown:
    """The rendered frames, and what is learned on the way."""

    def __init__(
        self, frames: Iterator[Frame], render: Render, count: int, output: Output, pixels: int
    ) -> None:
        self._frames, self._render = frames, render
        self._count, self._output, self._pixels = count, output, pixels
        self.first: Image.Image
        self.milliseconds = 0.0

    def __iter__(self) -> Iterator[Frame]:
        mode: str | None = None
        for image, milliseconds in self._frames:
            rendered = self._render(image)
            if mode is None:
                self._check(rendered)
                mode = "RGBA" if rendered.mode == "RGBA" else "RGB"
                self.first = rendered
            self.milliseconds += milliseconds
            yield Frame(rendered.convert(mode), milliseconds)

    def _check(self, first: Image.Image) -> None:
        check_output_side(first.size, self._output.format)
        check_output_pixels((first.width, first.height * self._count), self._pixels)


def _written(
    film: Film, frames: Iterator[Frame], output: Output, quality_: int, extras: encode.Extras
) -> bytes:
    if output.format is Format.GIF:
        return gif.write(frames, output.colors or MOST_COLORS, film.plays)
    if output.format is Format.PNG:
        # One palette for all frames would suit none: an APNG has its colours in full.
        full = output._replace(colors=None)
        return apng.write(
            frames, film.length, film.plays, lambda im: encode.saved(im, full, quality_, extras)
        )
    chosen = encode.settings(output, quality_, extras)
    if output.format is Format.WEBP:
        chosen["loop"] = film.plays
        chosen["exif"] = chosen.get("exif", b"").removeprefix(EXIF_PREFIX)
    reel = Reel(frames, film.length)
    file = encode.File(output.format)
    reel.save(file, save_all=True, duration=reel.times, **chosen)
    data = file.getvalue()
    return _with_alpha(data) if output.format is Format.WEBP and reel.mode == "RGBA" else data


def _with_alpha(data: bytes) -> bytes:
    """Say in a WebP's header that something may be transparent.

    libwebp cuts each frame to what changes, and forgets to say it where no part that is left has a
    hole: Pillow would fill the rest.
    """
    if data[12:16] != b"VP8X":
        return data
    return data[:_WEBP_FLAGS] + bytes([data[_WEBP_FLAGS] | _WEBP_ALPHA]) + data[_WEBP_FLAGS + 1 :]
