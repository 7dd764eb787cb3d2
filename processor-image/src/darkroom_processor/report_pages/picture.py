"""One source of a report: opened within the limits, brought to the size it has on paper."""

import io
from typing import Final, NamedTuple

from darkroom_core.vocabulary import Fit, Format
from PIL import Image

from darkroom_processor import limits
from darkroom_processor.documents import Assignment, Operation, Output, Resize
from darkroom_processor.errors import Rejected
from darkroom_processor.image.decode import Wanted, decode, open_source
from darkroom_processor.image.render import draft_for, render

_DOTS: Final = 300
"""Most pixels of a picture on an inch of paper."""
_POINTS: Final = 72
_QUALITY: Final = 85
_SIDEWAYS: Final = range(5, 9)
"""The EXIF orientations in which width and height change places."""


class Item(NamedTuple):
    """One fetched source."""

    path: str
    caption: str
    bytes: int


class Picture(NamedTuple):
    """A source as it is embedded."""

    jpeg: bytes
    size: tuple[int, int]
    """The source's own size, as it is shown."""
    format: str
    path: str
    """Where the source is now."""


def picture_of(
    item: Item,
    place: tuple[float, float],
    output: Output,
    assignment: Assignment,
    overlays: dict[str, Image.Image],
) -> Picture:
    """Return a source as large as its place on paper needs; raises Rejected with its caption."""
    try:
        source = open_source(item.path, assignment.limits)
        box = [max(1, round(side / _POINTS * _DOTS)) for side in place]
        fitted = Operation(resize=Resize(width=box[0], height=box[1], fit=Fit.FIT))
        sized = output._replace(
            operations=(*output.operations, fitted), format=Format.JPEG, depth=None
        )
        draft = draft_for([sized], source.size, source.orientation)
        base = decode(source, Wanted(draft), limits.allowed_memory())
        image = render(base, sized, assignment.limits.pixels, overlays)
    except Rejected as error:
        raise unreadable(item, error) from error
    sideways = output.auto_orient and base.orientation in _SIDEWAYS
    size = source.size[::-1] if sideways else source.size
    return Picture(_jpeg(image, output), size, source.format.value, source.path)


def unreadable(item: Item, error: Rejected) -> Rejected:
    """Return the error with the name of the source that it is about."""
    return Rejected(error.code, f"{item.caption}: {error.message}")


def _jpeg(image: Image.Image, output: Output) -> bytes:
    if image.mode == "RGBA":
        flat = Image.new("RGB", image.size, output.background[:7])
        flat.paste(image, mask=image)
        image = flat
    file = io.BytesIO()
    image.convert("L" if image.mode == "L" else "RGB").save(
        file, "JPEG", quality=output.quality or _QUALITY
    )
    return file.getvalue()
