"""What is too large, damaged, or no picture is refused, before it costs anything."""

import struct
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from darkroom_core.vocabulary import Format
from darkroom_processor.documents import Limits, Output
from darkroom_processor.errors import Code, Rejected
from darkroom_processor.image import encode
from darkroom_processor.limits import check_memory, check_output_side
from PIL import Image

Run = Callable[..., list[Image.Image]]
Encoded = Callable[..., bytes]


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is huge, and has a few bytes of pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        check = zlib.crc32(name + body)
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def refusal(run: Run, data: bytes, *outputs: dict[str, Any], limits: Limits | None = None) -> Code:
    with pytest.raises(Rejected) as refused:
        run(data, *(outputs or ({},)), limits=limits)
    assert refused.value.message.endswith(".")
    return refused.value.code


@pytest.mark.parametrize("size", [(50_000, 50_000), (10_001, 10_000), (2_000_000_000, 1)])
def test_a_bomb_is_refused_by_its_header(run: Run, size: tuple[int, int]) -> None:
    start = time.monotonic()
    assert refusal(run, png_header(*size)) is Code.TOO_MANY_PIXELS
    assert time.monotonic() - start < 0.5


def test_a_source_at_the_limit_is_taken(run: Run, encoded: Encoded) -> None:
    data = encoded(Image.new("RGB", (10, 10)), "JPEG")
    assert run(data, {}, limits=Limits(pixels=100))
    assert refusal(run, data, limits=Limits(pixels=99)) is Code.TOO_MANY_PIXELS


@pytest.mark.parametrize("format_", ["PNG", "WEBP"])
def test_frames_count(run: Run, encoded: Encoded, format_: str) -> None:
    frames = [Image.new("RGB", (10, 10), (0, 0, 20 * n)) for n in range(10)]
    data = encoded(frames[0], format_, save_all=True, append_images=frames[1:])
    assert run(data, {}, limits=Limits(pixels=1000))
    assert refusal(run, data, limits=Limits(pixels=999)) is Code.TOO_MANY_PIXELS


def test_a_source_of_too_many_bytes_is_refused(run: Run) -> None:
    limits = Limits(source_bytes=1000)
    assert refusal(run, bytes(1001), limits=limits) is Code.SOURCE_TOO_LARGE


@pytest.mark.parametrize(
    "operation",
    [
        {"resize": {"width": 16384, "height": 16384, "fit": "stretch", "enlarge": True}},
        {"resize": {"width": 16384, "height": 16384, "fit": "contain"}},
        {"resize": {"width": 16384, "enlarge": True}},
        {"rotate": {"angle": 45}},
    ],
)
@pytest.mark.parametrize("first", [[], [{"crop": {"width": 100, "height": 100}}]])
def test_an_output_of_too_many_pixels_is_refused(
    run: Run, encoded: Encoded, operation: Any, first: Any
) -> None:
    data = encoded(Image.new("L", (100, 100)), "PNG")
    limits = Limits(pixels=15_000)
    code = refusal(run, data, {"operations": [*first, operation]}, limits=limits)
    assert code is Code.OUTPUT_TOO_LARGE


def test_a_side_beyond_the_format_is_refused() -> None:
    check_output_side((16_383, 1), Format.WEBP)
    with pytest.raises(Rejected, match="output_too_large"):
        check_output_side((16_384, 1), Format.WEBP)


def test_decoding_that_cannot_fit_the_memory_is_refused() -> None:
    check_memory(10, None)
    check_memory(10, 10)
    with pytest.raises(Rejected, match="out_of_memory"):
        check_memory(11, 10)


def test_a_crop_outside_is_refused(run: Run, encoded: Encoded) -> None:
    data = encoded(Image.new("L", (10, 10)), "PNG")
    crop = {"crop": {"x": 10, "y": 0, "width": 5, "height": 5}}
    assert refusal(run, data, {"operations": [crop]}) is Code.CROP_OUTSIDE


@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9])
def test_a_file_that_ends_too_early_is_corrupt(
    run: Run, encoded: Encoded, photograph: Any, source: str, keep: float
) -> None:
    data = encoded(photograph(300, 200), source)
    cut = data[: int(len(data) * keep)]
    assert refusal(run, cut) is Code.CORRUPT_IMAGE
    small = {"operations": [{"resize": {"width": 10}}]}
    assert refusal(run, cut, small) is Code.CORRUPT_IMAGE


@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP"])
def test_noise_after_the_magic_bytes_is_corrupt(run: Run, encoded: Encoded, source: str) -> None:
    data = encoded(Image.new("RGB", (64, 64)), source)
    assert refusal(run, data[:16] + bytes(range(256)) * 8) is Code.CORRUPT_IMAGE


@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP"])
def test_flipped_bytes_never_end_as_a_defect(
    run: Run, encoded: Encoded, photograph: Any, source: str
) -> None:
    data = encoded(photograph(64, 48), source, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01")
    for at in range(8, min(len(data), 700), 7):
        damaged = bytearray(data)
        damaged[at] ^= 0xFF
        try:
            run(bytes(damaged), {}, {"operations": [{"resize": {"width": 8}}]})
        except Rejected as error:
            allowed = {Code.CORRUPT_IMAGE, Code.TOO_MANY_PIXELS, Code.UNSUPPORTED_FORMAT}
            assert error.code in allowed  # noqa: PT017  # either end is right


@pytest.mark.parametrize("source", ["PPM", "JPEG2000", "EPS", "TGA", "PCX", "SGI", "PDF", "DDS"])
def test_another_picture_format_is_unsupported(run: Run, encoded: Encoded, source: str) -> None:
    data = encoded(Image.new("RGB", (16, 16)), source)
    assert refusal(run, data) is Code.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("data", [b"", b"hello", b"<svg/>", b"%PDF-1.7", b"RIFF\0\0\0\0WAVEfmt "])
def test_what_is_no_picture_is_unsupported(run: Run, data: bytes) -> None:
    assert refusal(run, data) is Code.UNSUPPORTED_FORMAT


def test_encoding_that_cannot_fit_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    large = Image.new("L", (3000, 2000))
    monkeypatch.setattr(encode, "allowed_memory", lambda: 150 * 2**20)
    assert encode.encode(large, Output("o", Format.PNG))
    with pytest.raises(Rejected, match="Encoding output o needs about") as refused:
        encode.encode(large, Output("o", Format.AVIF))
    assert refused.value.code is Code.OUT_OF_MEMORY
