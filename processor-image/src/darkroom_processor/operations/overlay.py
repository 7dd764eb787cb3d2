"""Overlay: another picture put upon this one, as a watermark."""

from PIL import Image

from darkroom_processor.documents import Overlay
from darkroom_processor.operations.context import Context
from darkroom_processor.operations.geometry import Size, clamped
from darkroom_processor.operations.marks import Mark, mark_of, put_upon


def overlay(image: Image.Image, overlay: Overlay, context: Context) -> Image.Image:
    """Return the picture with another one upon it."""
    return put_upon(
        image,
        context.mark_for(overlay, image.size, lambda: _mark(overlay, image.size, context)),
    )


def _mark(overlay: Overlay, size: Size, context: Context) -> Mark:
    other = context.overlays[overlay.source.key or overlay.source.url or ""]
    other = other if other.mode == "RGBA" else other.convert("RGBA")
    wanted = other.size
    if overlay.size is not None:
        width = max(1, round(clamped(overlay.size, 0, 1) * size[0]))
        wanted = (width, max(1, round(other.height * width / other.width)))
    return mark_of(other, overlay, size, wanted)
