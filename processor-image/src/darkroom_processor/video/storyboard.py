"""A storyboard: one sheet of frames, and a WebVTT file that says which is shown when."""

from itertools import pairwise
from typing import Final

from PIL import Image

from darkroom_processor.documents import Storyboard
from darkroom_processor.image import encode
from darkroom_processor.image.plugins import load_writer
from darkroom_processor.limits import check_output_pixels, check_output_side
from darkroom_processor.video.drawing import Drawing
from darkroom_processor.video.film import Film
from darkroom_processor.video.job import Job, Made
from darkroom_processor.video.shots import Shot, picture, shots_at
from darkroom_processor.video.stills import times_of

_HOUR: Final = 3600
_MINUTE: Final = 60


def make_storyboard(job: Job, storyboard: Storyboard) -> list[Made]:
    """Return the sheet and its WebVTT; fewer frames where the video has no more."""
    with job.opened() as film:
        tiles, times = _tiles(job, storyboard, film)
        duration = film.duration
    width, height = tiles[0].size
    columns = min(storyboard.columns, len(tiles))
    size = (columns * width, -(-len(tiles) // columns) * height)
    check_output_side(size, job.output.format)
    check_output_pixels(size, job.limits.pixels)
    sheet = Image.new("RGB", size)
    places = []
    for number, tile in enumerate(tiles):
        place = (number % columns * width, number // columns * height)
        sheet.paste(tile, place)
        places.append((*place, width, height))
    load_writer(job.output.format)
    picture_file, times_file = job.assigned.files
    picture = f"{picture_file.name}.{picture_file.format.extension}"
    vtt = web_vtt(picture, times, duration, places)
    return [
        Made(picture_file, encode.encode(sheet, job.output), size, sheet),
        Made(times_file, vtt.encode()),
    ]


def _tiles(job: Job, storyboard: Storyboard, film: Film) -> tuple[list[Image.Image], list[float]]:
    """Return the frames at their size on the sheet, and when each is shown first."""
    drawing = job.drawing()
    wanted = times_of(film.duration, storyboard.frames)
    tiles: list[Image.Image] = []
    times: list[float] = []
    for shot in shots_at(film, wanted):
        tile = _tile(job, shot, film, storyboard.width, drawing)
        if tiles and tile.size != tiles[0].size:
            tile = tile.resize(tiles[0].size, Image.Resampling.BOX)
        if not tiles:
            check_output_pixels((tile.width, tile.height * len(wanted)), job.limits.pixels)
        tiles.append(tile)
        times.append(shot.time)
        job.progress(len(tiles) / len(wanted))
    # A picture stands for the time around it: it is shown from the middle to its neighbours on.
    starts = [0.0, *((a + b) / 2 for a, b in pairwise(times))]
    return tiles, starts


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
