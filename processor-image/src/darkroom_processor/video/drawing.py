"""A recipe's operations on the frames of a video: the first frame decides, the others follow."""

from collections.abc import Mapping

from PIL import Image

from darkroom_processor import operations
from darkroom_processor.documents import Operation, Output
from darkroom_processor.limits import check_output_pixels
from darkroom_processor.operations import Context


class Drawing:
    """Carries an output's operations out on one frame after the other."""

    def __init__(self, output: Output, pixels: int, overlays: Mapping[str, Image.Image]) -> None:
        """Nothing is decided before the first frame."""
        self._operations = output.operations
        self._context = Context(pixels=pixels, overlays=overlays, marks={})
        self._decided: tuple[Operation, ...] | None = None

    def __call__(self, image: Image.Image) -> Image.Image:
        """Return the frame after all operations."""
        if not self._operations:
            return image
        if self._decided is None:
            self._decided = operations.resolve(self._operations, image, self._context)
        drawn = operations.apply(image, self._decided, self._context)
        check_output_pixels(drawn.size, self._context.pixels)
        return drawn
