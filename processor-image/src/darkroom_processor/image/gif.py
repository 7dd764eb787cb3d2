"""Moving GIFs, a frame at a time: Pillow's writer would hold all of them."""

import io
from collections.abc import Iterator
from typing import Final, NamedTuple

from PIL import GifImagePlugin, Image, ImageChops

from darkroom_processor.image.frames import Frame
from darkroom_processor.image.palette import in_palette

_SHORTEST: Final = 20
"""Milliseconds: browsers slow down what is shown for less."""
_KEEP, _CLEAR = 1, 2
_MOST_LOOPS: Final = 65_535


class _Pending(NamedTuple):
    """A frame that is not written yet: it may be shown for longer."""

    image: Image.Image
    at: tuple[int, int]
    milliseconds: float


def write(frames: Iterator[Frame], colors: int, plays: int) -> bytes:
    """Return a GIF of the frames; each has a palette of its own."""
    file = io.BytesIO()
    before: Image.Image | None = None
    pending: _Pending | None = None
    disposal = _KEEP
    for image, milliseconds in frames:
        if before is None:
            file.write(_header(image.size, plays))
            disposal = _CLEAR if image.mode == "RGBA" else _KEEP
        box = _changed(before, image)
        if pending is not None and box is None:
            pending = pending._replace(milliseconds=pending.milliseconds + milliseconds)
            continue
        if pending is not None:
            _put(file, pending, disposal)
        assert box is not None  # noqa: S101  # the first frame is drawn whole
        pending = _Pending(
            in_palette(image.crop(box), colors, is_frame=True), box[:2], milliseconds
        )
        before = image
    if pending is not None:
        _put(file, pending, disposal)
    file.write(b";")
    return file.getvalue()


def _changed(before: Image.Image | None, image: Image.Image) -> tuple[int, int, int, int] | None:
    """Return the part to draw; None where nothing is new.

    What may be transparent is drawn whole, upon nothing: the frame before is taken away.
    """
    if before is None:
        return (0, 0, *image.size)
    box = ImageChops.difference(before, image).getbbox(alpha_only=False)
    return (0, 0, *image.size) if box and image.mode == "RGBA" else box


def _put(file: io.BytesIO, frame: _Pending, disposal: int) -> None:
    parts = GifImagePlugin.getdata(
        frame.image,
        frame.at,
        duration=max(_SHORTEST, frame.milliseconds),
        disposal=disposal,
        include_color_table=True,
        **_transparency(frame.image),
    )
    file.writelines(parts)


def _transparency(image: Image.Image) -> dict[str, int]:
    index = image.info.get("transparency")
    return {} if index is None else {"transparency": index}


def _header(size: tuple[int, int], plays: int) -> bytes:
    screen = b"GIF89a" + b"".join(side.to_bytes(2, "little") for side in size) + b"\0\0\0"
    if plays == 1:
        return screen
    again = min(_MOST_LOOPS, max(0, plays - 1)).to_bytes(2, "little")
    return screen + b"!\xff\x0bNETSCAPE2.0\x03\x01" + again + b"\0"
