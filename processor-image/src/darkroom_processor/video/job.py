"""What the makers of outputs share: the task, its video, and what they hand back."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from PIL import Image

from darkroom_processor.documents import AssignedFile, AssignedOutput, Limits, Output, VideoFacts
from darkroom_processor.errors import Code, Rejected
from darkroom_processor.video import film
from darkroom_processor.video.drawing import Drawing


class Job(NamedTuple):
    """One output to make."""

    assigned: AssignedOutput
    path: str
    """The video."""
    folder: str
    """Where files may be written."""
    limits: Limits
    overlays: Mapping[str, Image.Image]
    progress: Callable[[float], None]
    """Told how much of the output is done, 0 to 1."""

    @property
    def output(self) -> Output:
        """The recipe."""
        return self.assigned.output

    def drawing(self) -> Drawing:
        """Return the recipe's operations, nothing decided yet."""
        return Drawing(self.output, self.limits.pixels, self.overlays)

    @contextmanager
    def opened(self) -> Iterator[film.Film]:
        """Open the video anew."""
        with film.opened(self.path, self.limits) as one:
            yield one


class Made(NamedTuple):
    """A file that was made: its bytes, or where they are."""

    file: AssignedFile
    content: bytes | str
    size: tuple[int, int] | None = None
    image: Image.Image | None = None
    """Its picture, of a moving one the first frame."""
    frames: int = 1
    seconds: float | None = None
    video: VideoFacts | None = None


def check_inside(time: float, one: film.Film) -> None:
    """Raise Rejected for a time after the last frame."""
    if time >= one.duration and time > 0:
        raise Rejected(
            Code.TIME_OUTSIDE,
            f"The video is {one.duration:.2f} seconds long, so there is nothing at {time:g} "
            "seconds. Ask for an earlier time.",
        )
