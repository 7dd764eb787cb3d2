"""Pillow's plugins, one by one: what a task has no use for is neither imported nor tried."""

import importlib
from typing import Final

from darkroom_core.vocabulary import Format

from darkroom_processor.image.sniff import SourceFormat
from darkroom_processor.limits import usable_cpus

PILLOW_NAMES: Final = {SourceFormat.HEIC: "HEIF"}
"""Where Pillow calls a format otherwise."""
_MODULES: Final[dict[str, str]] = {
    "jpeg": "PIL.JpegImagePlugin",
    "png": "PIL.PngImagePlugin",
    "webp": "PIL.WebPImagePlugin",
    "avif": "PIL.AvifImagePlugin",
    "gif": "PIL.GifImagePlugin",
    "tiff": "PIL.TiffImagePlugin",
    "bmp": "PIL.BmpImagePlugin",
    "ico": "PIL.IcoImagePlugin",
    "pdf": "PIL.PdfImagePlugin",
}
_MAX_PNG_TEXT: Final = 8 * 2**20
"""Longest text of a PNG, unpacked, in bytes: Pillow would keep 64 MiB."""


def load_reader(format_: SourceFormat) -> None:
    """Make ready what decodes one format."""
    if format_ is SourceFormat.HEIC:
        _load_heif()
        return
    module = importlib.import_module(_MODULES[format_])
    if format_ is SourceFormat.PNG:
        module.MAX_TEXT_MEMORY = _MAX_PNG_TEXT  # type: ignore[attr-defined]
    if format_ is SourceFormat.GIF:
        # Every frame in colours of its own, not only those after the first.
        module.LOADING_STRATEGY = module.LoadingStrategy.RGB_ALWAYS  # type: ignore[attr-defined]
    if format_ is SourceFormat.AVIF:
        module.DEFAULT_MAX_THREADS = usable_cpus()  # type: ignore[attr-defined]


def load_writer(format_: Format) -> None:
    """Import the plugin of one format: two threads that save at once must not both do it."""
    if format_ in _MODULES:
        importlib.import_module(_MODULES[format_])


def _load_heif() -> None:
    # Only who needs it pays.
    importlib.import_module("pi_heif").register_heif_opener(
        thumbnails=False, decode_threads=usable_cpus()
    )
