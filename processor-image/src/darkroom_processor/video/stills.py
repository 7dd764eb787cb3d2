"""Single frames as pictures: a poster, thumbnails."""

from collections.abc import Iterator
from typing import Final

from PIL import Image, ImageStat

from darkroom_processor.documents import Poster, Thumbnails
from darkroom_processor.image import encode
from darkroom_processor.image.plugins import load_writer
from darkroom_processor.video.film import Film
from darkroom_processor.video.job import Job, Made, check_inside
from darkroom_processor.video.shots import Shot, picture, shots_at, shots_from

_DARK: Final = 32
"""Mean brightness, of 255, below which a frame is dark."""
_PLAIN: Final = 10
"""Standard deviation of brightness below which a frame is of one colour."""
_LOOKED_AT: Final = 64
"""Width in pixels at which frames are looked at."""
_SECONDS: Final = 15.0
_TRIES: Final = 30
"""A poster is looked for in so many seconds, in so many frames."""


def make_poster(job: Job, poster: Poster) -> list[Made]:
    """Return one frame as a picture."""
    with job.opened() as film:
        if poster.at is None:
            shot = _telling(film)
        else:
            check_inside(poster.at, film)
            shot = next(shots_from(film, poster.at))
        image = job.drawing()(picture(shot, film))
    return [_made(job, 0, image)]


def make_thumbnails(job: Job, thumbnails: Thumbnails) -> Iterator[Made]:
    """Yield frames at equal distances, each a picture; fewer where the video has no more."""
    drawing = job.drawing()
    with job.opened() as film:
        times = times_of(film.duration, thumbnails.frames, thumbnails.every)
        for number, shot in enumerate(shots_at(film, times)):
            yield _made(job, number, drawing(picture(shot, film)))
            job.progress((number + 1) / len(times))


def times_of(duration: float, count: int, every: float | None = None) -> list[float]:
    """Return so many times: from the start on at a distance, or the middles of equal parts."""
    if every is None:
        return [(number + 0.5) * duration / count for number in range(count)]
    return [number * every for number in range(count) if number == 0 or number * every < duration]


def _made(job: Job, number: int, image: Image.Image) -> Made:
    load_writer(job.output.format)
    data = encode.encode(image, job.output)
    return Made(job.assigned.files[number], data, image.size, image)


def _telling(film: Film) -> Shot:
    """Return the first frame that is neither dark nor of one colour; else the liveliest."""
    best: tuple[float, Shot] | None = None
    step = min(_SECONDS, film.duration) / _TRIES
    for shot in shots_at(film, [number * step for number in range(_TRIES)]):
        gray = picture(shot, film, _LOOKED_AT).convert("L")
        look = ImageStat.Stat(gray)
        if look.mean[0] >= _DARK and look.stddev[0] >= _PLAIN:
            return shot
        if best is None or look.stddev[0] > best[0]:
            best = (look.stddev[0], shot)
    assert best is not None  # noqa: S101  # there is a frame, or shots_at has raised
    return best[1]
