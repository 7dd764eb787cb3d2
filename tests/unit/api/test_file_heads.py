"""What the head of a file says: its format, and how large a picture it is."""

import base64
import struct

import pytest
from darkroom_api.errors import BadRequestError, FileRefusedError
from darkroom_api.uploads.digests import checksum_in, sha256_in
from darkroom_api.uploads.dimensions import dimensions
from darkroom_api.uploads.door import inspect_head
from darkroom_api.uploads.settings import UploadSettings
from darkroom_api.uploads.sniff import FileFormat, sniffed
from hypothesis import given
from hypothesis import strategies as st


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


_ISPE = box(b"ispe", struct.pack(">III", 0, 800, 600)) + box(
    b"ispe", struct.pack(">III", 0, 80, 60)
)
_META = box(b"meta", bytes(4) + box(b"iprp", box(b"ipco", _ISPE)))

HEADS = {
    FileFormat.PNG: b"\x89PNG\r\n\x1a\n"
    + box(b"IHDR", b"")[:4]
    + b"IHDR"
    + struct.pack(">II", 800, 600),
    FileFormat.GIF: b"GIF89a" + struct.pack("<HH", 800, 600),
    FileFormat.BMP: b"BM" + bytes(12) + struct.pack("<Iii", 40, 800, -600),
    FileFormat.JPEG: b"\xff\xd8\xff\xe0\0\4ab\xff\xc2\0\x0b\x08"
    + struct.pack(">HH", 600, 800)
    + b"\3",
    FileFormat.WEBP: b"RIFF\0\0\0\0WEBPVP8X"
    + bytes(8)
    + (799).to_bytes(3, "little")
    + (599).to_bytes(3, "little"),
    FileFormat.TIFF: b"II*\0\x08\0\0\0\2\0"
    + struct.pack("<HHIHHHHIHH", 256, 3, 1, 800, 0, 257, 3, 1, 600, 0),
    FileFormat.AVIF: box(b"ftyp", b"avif\0\0\0\0mif1") + _META,
    FileFormat.HEIC: box(b"ftyp", b"heic\0\0\0\0mif1") + _META,
}


@pytest.mark.parametrize(("format_", "head"), HEADS.items())
def test_each_format_says_its_size(format_: FileFormat, head: bytes) -> None:
    assert sniffed(head) is format_
    assert dimensions(format_, head) == (800, 600)


@pytest.mark.parametrize(
    ("head", "format_"),
    [
        (box(b"ftyp", b"isom\0\0\0\0mp41"), FileFormat.MP4),
        (box(b"ftyp", b"qt  \0\0\0\0"), FileFormat.MOV),
        (b"\x1aE\xdf\xa3" + b"\x42\x82\x84webm", FileFormat.WEBM),
        (b"\x1aE\xdf\xa3" + bytes(60), FileFormat.MATROSKA),
        (b"RIFF\0\0\0\0AVI LIST", FileFormat.AVI),
        (b'{"id": "a"}\n{"id": "b"}\n', FileFormat.JSON),
        (' ["é'.encode()[:-1], FileFormat.JSON),
        (b'{"id": "\xe9"}', None),
        (b'{"id": "\0"}', None),
        (b"id,name\n1,a\n", None),
        ((b"G" + bytes(187)) * 3, FileFormat.MPEGTS),
        (b"", None),
        (b"<svg xmlns=", None),
        (b"%PDF-1.7", None),
        (b"MZ" + bytes(100), None),
    ],
)
def test_formats_are_told_by_their_first_bytes(head: bytes, format_: FileFormat | None) -> None:
    assert sniffed(head) is format_


@given(st.sampled_from(list(FileFormat)), st.binary(max_size=300), st.integers(0, 60))
def test_no_bytes_are_too_odd(format_: FileFormat, tail: bytes, cut: int) -> None:
    head = HEADS.get(format_, b"")[:cut] + tail
    sniffed(head)
    size = dimensions(format_, head)
    assert size is None or min(size) > 0


def test_what_is_declared_has_to_be_so() -> None:
    settings = UploadSettings(max_side=800)
    head = HEADS[FileFormat.PNG]
    for declared in (None, "application/octet-stream", "image/png; x=y", "IMAGE/PNG"):
        assert inspect_head(head, declared=declared, settings=settings).width == 800
    with pytest.raises(FileRefusedError, match="declared as image/jpeg and is image/png"):
        inspect_head(head, declared="image/jpeg", settings=settings)
    with pytest.raises(FileRefusedError, match="800 x 600 pixels"):
        inspect_head(head, declared=None, settings=UploadSettings(max_side=799))


def test_digests_are_read_as_rfc_9530_writes_them() -> None:
    text = base64.b64encode(bytes(32)).decode()
    assert sha256_in(f"sha-512=:AAAA:, sha-256=:{text}:") == bytes(32).hex()
    assert sha256_in("md5=:AAAA:") is None
    with pytest.raises(BadRequestError):
        sha256_in("sha-256=:AAAA:")
    assert checksum_in("sha1 AAAA") == ("sha1", bytes(3))
    with pytest.raises(BadRequestError):
        checksum_in("crc32 AAAA")
