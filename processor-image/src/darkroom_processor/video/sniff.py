"""What a video file is, by its first bytes: the containers that are taken, and no others.

Playlists and whatever else leads to other files are not among them.
"""

from enum import StrEnum
from typing import Final

from darkroom_processor.errors import Code, Rejected

MAGIC_LENGTH: Final = 64
_SYNC: Final = 0x47
_GIF: Final = frozenset({b"GIF87a", b"GIF89a"})
_STILL_BRANDS: Final = frozenset(
    {b"avif", b"avis", b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"}
    | {b"mif1", b"msf1", b"crx "}
)
_FIRST_BOXES: Final = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
"""What a QuickTime file without `ftyp` begins with."""


class VideoFormat(StrEnum):
    """The containers that a source may have."""

    MP4 = "mp4"
    MOV = "mov"
    MATROSKA = "matroska"
    WEBM = "webm"
    AVI = "avi"
    MPEGTS = "mpegts"

    @property
    def demuxer(self) -> str:
        """FFmpeg's name of what reads it."""
        return _DEMUXERS.get(self, self.value)


_DEMUXERS: Final = {VideoFormat.MP4: "mov", VideoFormat.WEBM: "matroska"}


def is_video(start: bytes) -> bool:
    """Whether a file that begins so is a video of a kind that is taken."""
    return _by_magic(start) is not None


def video_format(start: bytes) -> VideoFormat:
    """Return the container that a file's first bytes say; raises Rejected for any other."""
    found = _by_magic(start)
    if found is None:
        raise Rejected(
            Code.UNSUPPORTED_FORMAT,
            "The source is no video in MP4, QuickTime, Matroska, WebM, AVI or MPEG-TS, whatever "
            "its name says. Convert it to one of these and send it again.",
        )
    return found


def _by_magic(start: bytes) -> VideoFormat | None:
    if start[4:8] == b"ftyp":
        return _by_brand(start[8:12])
    if start[4:8] in _FIRST_BOXES:
        return VideoFormat.MOV
    if start.startswith(b"\x1aE\xdf\xa3"):
        return VideoFormat.WEBM if b"webm" in start else VideoFormat.MATROSKA
    if start.startswith(b"RIFF") and start[8:12] == b"AVI ":
        return VideoFormat.AVI
    return VideoFormat.MPEGTS if _is_packet(start) else None


def _is_packet(start: bytes) -> bool:
    """Whether it may be a transport stream's packet: the next is beyond the bytes seen here."""
    if len(start) < MAGIC_LENGTH or start[0] != _SYNC or start[:6] in _GIF or start.isascii():
        return False
    # No error, not scrambled, and it carries something.
    return not start[1] & 0x80 and not start[3] & 0xC0 and bool(start[3] & 0x30)


def _by_brand(brand: bytes) -> VideoFormat | None:
    if brand in _STILL_BRANDS:
        return None
    return VideoFormat.MOV if brand == b"qt  " else VideoFormat.MP4
