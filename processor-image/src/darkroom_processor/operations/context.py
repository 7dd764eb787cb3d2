"""What operations need beside the picture."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from PIL import Image


class Context(NamedTuple):
    """What an output's operations may use. One for each output; its frames share it."""

    pixels: int
    """Most pixels that any operation may make."""
    overlays: Mapping[str, Image.Image] = {}
    """The other pictures, decoded and upright, by their key or URL."""
    marks: dict[Any, Any] | None = None
    """For moving pictures an empty dict: overlays and texts are drawn once, not for each frame."""
