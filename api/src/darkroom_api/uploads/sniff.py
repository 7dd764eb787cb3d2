"""What a file is, by its first bytes: the formats that processors take, and no others."""

import codecs
from enum import StrEnum
from typing import Final

_BMP_HEADERS: Final = frozenset({12, 40, 52, 56, 64, 108, 124})
_AVIF: Final = frozenset({b"avif", b"avis"})
_HEIC: Final = frozenset(
    {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"}
)
_FIRST_BOXES: Final = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_TS_PACKET: Final = 188
_TS_SYNC: Final = 0x47


class FileFormat(StrEnum):
    """The formats that are taken, by their media types."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    GIF = "image/gif"
    TIFF = "image/tiff"
    BMP = "image/bmp"
    AVIF = "image/avif"
    HEIC = "image/heic"
    ICO = "image/vnd.microsoft.icon"
    MP4 = "video/mp4"
    MOV = "video/quicktime"
    MATROSKA = "video/x-matroska"
    WEBM = "video/webm"
    AVI = "video/x-msvideo"
    MPEGTS = "video/mp2t"
    JSON = "application/json"

    @property
    def media_types(self) -> frozenset[str]:
        """What it is called, here and there."""
        return _ALSO.get(self, frozenset()) | {self.value}


_ALSO: Final[dict[FileFormat, frozenset[str]]] = {
    FileFormat.JPEG: frozenset({"image/jpg", "image/pjpeg"}),
    FileFormat.PNG: frozenset({"image/apng", "image/x-png"}),
    FileFormat.BMP: frozenset({"image/x-ms-bmp", "image/x-bmp"}),
    FileFormat.HEIC: frozenset({"image/heif", "image/heic-sequence", "image/heif-sequence"}),
    FileFormat.ICO: frozenset({"image/x-icon", "image/ico"}),
    FileFormat.MP4: frozenset({"video/quicktime", "video/x-m4v", "video/3gpp"}),
    FileFormat.MOV: frozenset({"video/mp4"}),
    FileFormat.MATROSKA: frozenset({"video/matroska", "video/webm"}),
    FileFormat.WEBM: frozenset({"video/x-matroska"}),
    FileFormat.AVI: frozenset({"video/avi", "video/msvideo"}),
    FileFormat.JSON: frozenset(
        {"application/x-ndjson", "application/jsonl", "text/json", "text/plain"}
    ),
}

_MAGIC: Final = (
    ((b"\xff\xd8\xff",), FileFormat.JPEG),
    ((b"\x89PNG\r\n\x1a\n",), FileFormat.PNG),
    ((b"GIF87a", b"GIF89a"), FileFormat.GIF),
    ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), FileFormat.TIFF),
)


def sniffed(head: bytes) -> FileFormat | None:
    """Return the format that a file's first bytes say; None for any other."""
    for magics, format_ in _MAGIC:
        if head.startswith(magics):
            return format_
    if head.startswith(b"RIFF"):
        return {b"WEBP": FileFormat.WEBP, b"AVI ": FileFormat.AVI}.get(head[8:12])
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return FileFormat.BMP
    if head.startswith(b"\0\0\1\0") and head[4:6] != b"\0\0" and head[9:10] == b"\0":
        return FileFormat.ICO
    if head.startswith(b"\x1aE\xdf\xa3"):
        return FileFormat.WEBM if b"webm" in head[:64] else FileFormat.MATROSKA
    return _boxes(head) or _packets(head) or _text(head)


def _boxes(head: bytes) -> FileFormat | None:
    """Return what an ISO base media file says of itself, in its first box."""
    if head[4:8] in _FIRST_BOXES:
        return FileFormat.MOV
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4], "big"), len(head), 256)
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))}
    if brands & _AVIF:
        return FileFormat.AVIF
    if brands & _HEIC:
        return FileFormat.HEIC
    return FileFormat.MOV if head[8:12] == b"qt  " else FileFormat.MP4


def _packets(head: bytes) -> FileFormat | None:
    """A transport stream has its mark at every packet's begin."""
    marks = [head[at : at + 1] for at in range(0, min(len(head), 5 * _TS_PACKET), _TS_PACKET)]
    is_stream = len(marks) > 1 and all(mark == bytes([_TS_SYNC]) for mark in marks)
    return FileFormat.MPEGTS if is_stream else None


def _text(head: bytes) -> FileFormat | None:
    """JSON, or a line of it each, which Export makes tables of."""
    if head.lstrip(b" \t\r\n")[:1] not in {b"{", b"["}:
        return None
    try:
        # The head may end in the middle of a character.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return None
    return None if b"\0" in head else FileFormat.JSON
