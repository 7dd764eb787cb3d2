"""The other pictures of a task: what is put upon its own."""

from typing import Final

from PIL import Image

from darkroom_processor import limits
from darkroom_processor.documents import Assignment
from darkroom_processor.errors import Rejected
from darkroom_processor.image.colors import to_srgb
from darkroom_processor.image.decode import Draft, Wanted, decode, open_source
from darkroom_processor.operations.turn import ORIENTATIONS
from darkroom_processor.tasks import Files

_MOST_BYTES: Final = 25_000_000
_MOST_PIXELS: Final = 25_000_000


def fetch_overlays(assignment: Assignment, files: Files, path: str) -> dict[str, Image.Image]:
    """Return every overlay, upright and in sRGB, by the name that operations have for it."""
    most = assignment.limits
    small = most._replace(
        source_bytes=min(most.source_bytes, _MOST_BYTES), pixels=min(most.pixels, _MOST_PIXELS)
    )
    found: dict[str, Image.Image] = {}
    for number, overlay in enumerate(assignment.overlays):
        own = f"{path}-overlay-{number}"
        try:
            files.fetch(overlay, own, small.source_bytes)
            source = open_source(own, small)
            base = decode(source, Wanted(Draft(None, gray=False)), limits.allowed_memory())
        except Rejected as error:
            message = f"The overlay {overlay.name} cannot be used. {error.message}"
            raise Rejected(error.code, message) from error
        image = to_srgb(base.image, base.profile)
        turn = ORIENTATIONS.get(base.orientation)
        found[overlay.name] = image if turn is None else image.transpose(turn)
    return found
