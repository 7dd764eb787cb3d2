"""The checks at the door: what a file is, by its head, and whether that is taken."""

from dataclasses import dataclass
from typing import Any, Final

from darkroom_api.errors import FileRefusedError
from darkroom_api.uploads.dimensions import dimensions
from darkroom_api.uploads.settings import UploadSettings
from darkroom_api.uploads.sniff import FileFormat, sniffed

HEAD: Final = 256 * 1024
"""So much of a file is looked at, in bytes."""

_SAYS_NOTHING: Final = frozenset({"", "application/octet-stream", "binary/octet-stream"})


@dataclass(frozen=True)
class Inspected:
    """What a file's head says."""

    format: FileFormat
    width: int | None = None
    height: int | None = None

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"content_type": self.format.value, "width": self.width, "height": self.height}


def inspect_head(head: bytes, *, declared: str | None, settings: UploadSettings) -> Inspected:
    """Return what the file is, or raise FileRefusedError with what is wrong with it."""
    found = sniffed(head)
    if found is None:
        raise FileRefusedError(
            "the file is of no format that is taken, whatever its name says: send a picture (JPEG, "
            "PNG, WebP, GIF, TIFF, BMP, AVIF, HEIC, ICO), a video (MP4, QuickTime, Matroska, WebM, "
            "AVI, MPEG-TS), or JSON for an Export"
        )
    type_ = (declared or "").split(";")[0].strip().lower()
    if type_ not in _SAYS_NOTHING and type_ not in found.media_types:
        raise FileRefusedError(
            f"the file was declared as {type_[:100]} and is {found.value}: declare what it is, or "
            "nothing"
        )
    size = dimensions(found, head)
    if size is None:
        return Inspected(found)
    width, height = size
    if width * height > settings.max_pixels or max(size) > settings.max_side:
        raise FileRefusedError(
            f"the picture has {width:,} x {height:,} pixels: {settings.max_pixels:,} in all, and "
            f"{settings.max_side:,} a side, are taken at most"
        )
    return Inspected(found, width, height)
