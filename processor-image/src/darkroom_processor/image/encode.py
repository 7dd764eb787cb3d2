"""Encoding: a picture in, a file's bytes out, without anything but the pixels."""

import importlib
import io
from typing import Final

from darkroom_core.vocabulary import Format
from PIL import Image

from darkroom_processor.documents import Output
from darkroom_processor.limits import check_output_side

_QUALITY: Final = {Format.JPEG: 80, Format.WEBP: 80}
"""Used where a recipe names none."""
_PNG_LEVEL: Final = 6
_WEBP_METHOD: Final = 4
PLUGINS: Final = {
    Format.JPEG: "PIL.JpegImagePlugin",
    Format.PNG: "PIL.PngImagePlugin",
    Format.WEBP: "PIL.WebPImagePlugin",
}


class _File(io.BytesIO):
    """A file in memory with a name: by its end Pillow finds the plugin, and imports no other."""

    def __init__(self, format_: Format) -> None:
        super().__init__()
        self.name = f"output.{format_.extension}"


def encode(image: Image.Image, output: Output) -> bytes:
    """Return the picture as a file in the output's format, without metadata."""
    check_output_side(image.size, output.format)
    image = _flattened(image) if output.format is Format.JPEG else image
    # Several formats write what they find here: comments, profiles, resolutions.
    image.info = {}
    file = _File(output.format)
    image.save(file, format=None, **_settings(output))
    return file.getvalue()


def load_plugin(format_: Format) -> None:
    """Import the plugin of one format: two threads that save at once must not both do it."""
    importlib.import_module(PLUGINS[format_])


def _settings(output: Output) -> dict[str, int | bool]:
    quality = max(1, min(100, output.quality or _QUALITY.get(output.format, 100)))
    if output.format is Format.JPEG:
        return {"quality": quality, "progressive": output.progressive}
    if output.format is Format.WEBP:
        return {"quality": quality, "lossless": output.lossless, "method": _WEBP_METHOD}
    return {"compress_level": _PNG_LEVEL}


def _flattened(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    canvas = Image.new("RGB", image.size, (255, 255, 255))
    canvas.paste(image, mask=image)
    return canvas
