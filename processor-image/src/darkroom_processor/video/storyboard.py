"""A storyboard: one sheet of frames, and a WebVTT file that says which is shown when."""

from itertools import pairwise
from typing import Final

from PIL import Image

from darkroom_processor.documents import Storyboard
from darkroom_processor.image import encode
from darkroom_processor.image.plugins import load_writer
from darkroom_processor.limits import (
    allowed_memory,
    check_memory,
    check_output_pixels,
    check_output_side,
)
from darkroom_processor.video.drawing import Drawing
from darkroom_processor.video.film import Film
from darkroom_processor.video.job import Job, Made
from darkroom_processor.video.shots import Shot, picture, shots_at
from darkroom_processor.video.stills import times_of

_HOUR: Final = 3600
_MINUTE: Final = 60
_BYTES: Final = 6
"""For each pixel of a sheet: in RGB, and while it is encoded."""


def make_storyboard(job: Job, storyboard: Storyboard) -> list[Made]:
    """Return the sheet and its WebVTT; fewer frames where the video has no more."""
    with job.opened() as film:
        sheet = _sheet(job, storyboard, film)
        duration = film.duration
    load_writer(job.output.format)
    picture_file, times_file = job.assigned.files
    name = f"{picture_file.name}.{picture_file.format.extension}"
    # A picture stands for the time around it: it is shown from the middle to its neighbours on.
    starts = [0.0, *((a + b) / 2 for a, b in pairwise(sheet.times))]
    image = sheet.image()
    return [
        Made(picture_file, encode.encode(image, job.output), image.size, image),
        Made(times_file, web_vtt(name, starts, duration, sheet.places).encode()),
    ]


class _Sheet:
    """A picture that frames are put upon, in rows; no frame is kept beside it."""

    def __init__(self, job: Job, tile: tuple[int, int], columns: int, count: int) -> None:
        self._tile = tile
        self._columns = min(columns, count)
        size = self._size(count)
        check_output_side(size, job.output.format)
        check_output_pixels(size, job.limits.pixels)
        check_memory(size[0] * size[1] * _BYTES, allowed_memory())
        self._canvas = Image.new("RGB", size)
        self.times: list[float] = []
        self.places: list[tuple[int, int, int, int]] = []

    def _size(self, count: int) -> tuple[int, int]:
        rows = -(-count // self._columns)
        return min(count, self._columns) * self._tile[0], rows * self._tile[1]

    def put(self, time: float, tile: Image.Image) -> None:
        """Put the next frame upon it."""
        width, height = self._tile
        row, column = divmod(len(self.places), self._columns)
        if tile.size != self._tile:
            tile = tile.resize(self._tile, Image.Resampling.BOX)
        self._canvas.paste(tile, (column * width, row * height))
        self.places.append((column * width, row * height, width, height))
        self.times.append(time)

    def image(self) -> Image.Image:
        """Return the sheet, as large as the frames that it has need."""
        size = self._size(len(self.places))
        return self._canvas if size == self._canvas.size else self._canvas.crop((0, 0, *size))


def _sheet(job: Job, storyboard: Storyboard, film: Film) -> _Sheet:
    drawing = job.drawing()
    wanted = times_of(film.duration, storyboard.frames)
    sheet: _Sheet | None = None
    for number, shot in enumerate(shots_at(film, wanted)):
        tile = _tile(job, shot, film, storyboard.width, drawing)
        sheet = sheet or _Sheet(job, tile.size, storyboard.columns, len(wanted))
        sheet.put(shot.time, tile)
        job.progress((number + 1) / len(wanted))
    assert sheet is not None  # noqa: S101  # there is a frame, or shots_at has raised
    return sheet


def _tile(job: Job, shot: Shot, film: Film, width: int, drawing: Drawing) -> Image.Image:
    if not job.output.operations:
        return _to_width(picture(shot, film, width), width)
    drawn = drawing(picture(shot, film))
    if drawn.mode == "RGBA":
        flat = Image.new("RGB", drawn.size, job.output.background[:7])
        flat.paste(drawn, mask=drawn)
        drawn = flat
    return _to_width(drawn.convert("RGB"), width)


def _to_width(image: Image.Image, width: int) -> Image.Image:
    if image.width == width:
        return image
    height = max(1, round(image.height * width / image.width))
    return image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)


def web_vtt(
    name: str, starts: list[float], end: float, places: list[tuple[int, int, int, int]]
) -> str:
    """Return WebVTT that shows parts of the picture `name` (media fragments) one after another."""
    cues = []
    ends = [*starts[1:], max(end, starts[-1] + 0.001)]
    for start, stop, place in zip(starts, ends, places, strict=True):
        part = ",".join(map(str, place))
        cues.append(f"{_clock(start)} --> {_clock(stop)}\n{name}#xywh={part}\n")
    return "WEBVTT\n\n" + "\n".join(cues)


def _clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    hours, rest = divmod(milliseconds, _HOUR * 1000)
    minutes, rest = divmod(rest, _MINUTE * 1000)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}.{rest % 1000:03}"
