"""The frames of a moving picture, one after the other: no more than one is in memory here."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from darkroom_core.vocabulary import Animation, Format
from PIL import Image

from darkroom_processor.documents import Output
from darkroom_processor.image.colors import normal
from darkroom_processor.image.decode import Source, damage_is_rejected
from darkroom_processor.image.sniff import SourceFormat

MOVING: Final = frozenset({Format.GIF, Format.WEBP, Format.PNG, Format.AVIF})
"""The formats that can hold more frames than one."""
_USUAL: Final = 100.0
_SHORTEST: Final = 10
"""Milliseconds; what says less, or nothing, is shown as usual, as browsers do."""
_LONGEST: Final = 60_000.0
"""A frame that is shown for longer is a still picture, and some formats cannot say it."""


class Frame(NamedTuple):
    """One frame, whole, in RGB or RGBA."""

    image: Image.Image
    milliseconds: float


class Film(NamedTuple):
    """An opened moving picture."""

    source: Source
    length: int
    """Its frames."""
    plays: int
    """How often it is shown; 0 is for ever."""

    def frames(self, speed: float) -> Iterator[Frame]:
        """Yield every frame; raises Rejected where the source is damaged."""
        image = self.source.image
        mode: str | None = None
        first = _first_of(image)
        with damage_is_rejected():
            for number in range(first, first + self.length):
                image.seek(number)
                image.load()
                frame = normal(image.copy())
                frame.info = {}
                mode = mode or ("RGBA" if frame.mode == "RGBA" else "RGB")
                yield Frame(frame.convert(mode), _time(image) / speed)

    def close(self) -> None:
        """Close the file."""
        self.source.image.close()


def moves(source: Source, output: Output) -> bool:
    """Whether an output keeps all frames of its source."""
    return (
        source.is_moving
        and output.format in MOVING
        and output.frame is None
        and output.animation is Animation.KEEP
    )


def film_of(source: Source) -> Film:
    """Return the film that a newly opened source is."""
    return Film(source, source.frames - _first_of(source.image), _plays(source))


def _first_of(image: Image.Image) -> int:
    """Return the number of the first frame: what an APNG shows where it cannot move is none."""
    return 1 if getattr(image, "default_image", False) else 0


def _plays(source: Source) -> int:
    loop = source.image.info.get("loop")
    if source.format is SourceFormat.GIF:
        # A GIF says how often it is shown again, and nothing where it is shown once.
        return 1 if loop is None else loop + 1 if loop else 0
    return loop if isinstance(loop, int) else 0


def _time(image: Image.Image) -> float:
    time = image.info.get("duration", _USUAL)
    if not isinstance(time, int | float) or time < _SHORTEST:
        return _USUAL
    return min(float(time), _LONGEST)
