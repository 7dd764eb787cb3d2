"""Moving pictures for Pillow's writers of WebP and AVIF, which would hold all frames at once."""

from collections.abc import Iterator

from PIL import Image

from darkroom_processor.image.frames import Frame


class Reel(Image.Image):
    """Looks like an opened moving file: its frames are made when a writer asks for them.

    A writer asks for each once, in their order, and at its end for the first one again.
    """

    def __init__(self, frames: Iterator[Frame], count: int) -> None:
        """Begin with the first frame."""
        super().__init__()
        self.n_frames = count
        self.is_animated = True
        self.times: list[int] = []
        """How long each frame is shown: as long as the frames that were asked for."""
        self._frames = frames
        self._next()

    def seek(self, frame: int) -> None:
        """Go on to a frame; back is not possible, and not needed."""
        if frame >= self.n_frames:
            raise EOFError
        while len(self.times) <= frame:
            self._next()

    def tell(self) -> int:
        """Return the number of the frame that is shown."""
        return len(self.times) - 1

    def _next(self) -> None:
        image, milliseconds = next(self._frames)
        self.im, self._mode, self._size = image.im, image.mode, image.size
        self.times.append(max(1, round(milliseconds)))
