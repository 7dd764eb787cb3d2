"""A preview: a short moving picture without sound."""

from collections.abc import Callable, Iterator
from typing import Final, cast

from darkroom_core.vocabulary import Format
from PIL import Image

from darkroom_processor.documents import Preview
from darkroom_processor.errors import Code, Rejected
from darkroom_processor.image import encode, frames
from darkroom_processor.image.moving import encode_film
from darkroom_processor.image.plugins import load_writer
from darkroom_processor.video.film import Film
from darkroom_processor.video.job import Job, Made, check_inside
from darkroom_processor.video.shots import Shot, picture, shots_from

_FOR_EVER: Final = 0


class Excerpt:
    """A part of a video, as a moving picture's writer takes it."""

    plays = _FOR_EVER

    def __init__(self, job: Job, preview: Preview, length: int) -> None:
        """Nothing is read before the first frame is asked for."""
        self._job, self._preview = job, preview
        self.length = length

    def frames(self, speed: float) -> Iterator[frames.Frame]:
        """Yield every frame, `speed` times as fast."""
        milliseconds = 1000 / self._preview.fps / speed
        with self._job.opened() as film:
            for number, image in enumerate(self._pictures(film)):
                yield frames.Frame(image, milliseconds)
                self._job.progress((number + 1) / self.length)

    def close(self) -> None:
        """Nothing is open but while frames are read."""

    def _pictures(self, film: Film) -> Iterator[Image.Image]:
        preview = self._preview
        shots = shots_from(film, preview.start)
        held, following = next(shots), next(shots, None)
        shown: tuple[Shot, Image.Image] | None = None
        for number in range(self.length):
            time = preview.start + number * preview.speed / preview.fps
            while following is not None and following.time <= time:
                held, following = following, next(shots, None)
            if shown is None or shown[0] is not held:
                shown = (held, picture(held, film))
            yield shown[1]


def make_preview(job: Job, preview: Preview) -> list[Made]:
    """Return the moving picture."""
    if job.output.format not in frames.MOVING:
        names = ", ".join(sorted(format_.value for format_ in frames.MOVING))
        raise Rejected(
            Code.INVALID_ASSIGNMENT,
            f"A {job.output.format.value} file cannot hold a preview's moving picture. Use one "
            f"of {names}.",
        )
    with job.opened() as film:
        check_inside(preview.start, film)
        rest = film.duration - preview.start
    seconds = min(preview.duration, rest / preview.speed)
    excerpt = Excerpt(job, preview, max(1, round(seconds * preview.fps)))
    load_writer(Format(job.output.format))

    def new_render() -> Callable[[Image.Image], Image.Image]:
        return job.drawing()

    # The writer reads only what an Excerpt has as well.
    film_like = cast("frames.Film", excerpt)
    movie = encode_film(lambda: film_like, job.output, new_render, encode.PLAIN, job.limits.pixels)
    return [
        Made(
            job.assigned.files[0],
            movie.data,
            movie.first.size,
            movie.first,
            excerpt.length,
            round(excerpt.length / preview.fps / job.output.speed, 3),
        )
    ]
