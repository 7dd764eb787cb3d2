"""What operations need beside the picture."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from darkroom_processor.documents import Overlay, Text

if TYPE_CHECKING:
    from darkroom_processor.operations.marks import Mark

Marks = dict[tuple[Overlay | Text, tuple[int, int]], "Mark"]


class Context(NamedTuple):
    """What an output's operations may use. One for each output; its frames share it."""

    pixels: int
    """Most pixels that any operation may make."""
    overlays: Mapping[str, Image.Image] = MappingProxyType({})
    """The other pictures, decoded and upright, by their key or URL."""
    marks: Marks | None = None
    """For moving pictures an empty dict: overlays and texts are drawn once, not for each frame."""

    def mark_for(
        self, what: Overlay | Text, size: tuple[int, int], make: Callable[[], "Mark"]
    ) -> "Mark":
        """Return what is put upon pictures of a size: made anew, or kept from the frame before."""
        if self.marks is None:
            return make()
        if (what, size) not in self.marks:
            self.marks[what, size] = make()
        return self.marks[what, size]
