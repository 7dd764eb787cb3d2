"""Every format that is taken becomes every format that is made."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from darkroom_processor.documents import Limits
from darkroom_processor.errors import Code, Rejected
from PIL import Image

Run = Callable[..., list[Image.Image]]
Encoded = Callable[..., bytes]
DATA = Path(__file__).parent / "data"
RED = (200, 100, 50)
PICTURES = ["jpeg", "png", "webp", "avif", "gif", "tiff", "bmp", "ico"]


@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "ICO"])
def test_each_format_becomes_each_other(run: Run, encoded: Encoded, source: str) -> None:
    data = encoded(Image.new("RGB", (32, 16), RED), source)
    # An icon is stored in sizes of its own.
    operation = {"resize": {"width": 16, "height": 8, "fit": "stretch"}}
    made = run(data, *({"format": each, "operations": [operation]} for each in PICTURES))
    for image in made:
        assert image.size == (16, 8)
        assert image.convert("RGB").getpixel((5, 5)) == pytest.approx(RED, abs=5)


def test_a_heic_is_decoded_upright(run: Run) -> None:
    (image,) = run((DATA / "turned.heic").read_bytes(), {})
    assert image.size == (32, 48)
    assert image.getpixel((16, 4)) == pytest.approx((30, 60, 220), abs=6)
    assert image.getpixel((16, 44)) == pytest.approx((200, 40, 40), abs=6)


def test_a_heic_keeps_its_transparency(run: Run) -> None:
    png, jpeg = run(
        (DATA / "clear.heic").read_bytes(), {}, {"format": "jpeg", "background": "#0000ff"}
    )
    assert png.convert("RGBA").getpixel((4, 4)) == (0, 0, 0, 0)
    assert jpeg.getpixel((4, 4)) == pytest.approx((0, 0, 255), abs=3)


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_heic_that_ends_too_early_is_corrupt(run: Run, keep: float) -> None:
    data = (DATA / "turned.heic").read_bytes()
    with pytest.raises(Rejected) as refused:
        run(data[: int(len(data) * keep)], {})
    assert refused.value.code is Code.CORRUPT_IMAGE


def test_a_heic_that_breaks_its_decoder_is_corrupt(run: Run) -> None:
    with pytest.raises(Rejected, match="breaks down") as refused:
        run((DATA / "hostile.heic").read_bytes(), {})
    assert refused.value.code is Code.CORRUPT_IMAGE


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_every_format_is_turned_upright(
    run: Run, encoded: Encoded, source: str, orientation: int
) -> None:
    upright = Image.new("RGB", (32, 16), (255, 255, 255))
    upright.paste((0, 0, 0), (0, 0, 8, 8))
    # How a camera stores it: the turn that its tag undoes.
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    (image,) = run(encoded(stored, source, exif=exif), {})
    assert image.size == (32, 16)
    assert image.convert("L").getpixel((3, 3)) < 60  # type: ignore[operator]
    assert image.convert("L").getpixel((28, 12)) > 200  # type: ignore[operator]
    assert image.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("format_", ["png", "webp", "avif", "tiff", "ico", "gif"])
def test_transparency_stays_where_the_format_has_it(
    run: Run, encoded: Encoded, format_: str
) -> None:
    image = Image.new("RGBA", (16, 16), (255, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, 8, 16))
    (made,) = run(encoded(image, "PNG"), {"format": format_})
    shown = made.convert("RGBA")
    assert shown.getchannel("A").getpixel((3, 8)) == 0
    assert shown.getpixel((12, 8)) == pytest.approx((255, 0, 0, 255), abs=6)


@pytest.mark.parametrize("format_", ["jpeg", "bmp"])
def test_elsewhere_it_is_laid_on_the_background(run: Run, encoded: Encoded, format_: str) -> None:
    data = encoded(Image.new("RGBA", (16, 16), (0, 0, 0, 0)), "PNG")
    (made,) = run(data, {"format": format_, "background": "#20a040"})
    assert made.getpixel((8, 8)) == pytest.approx((32, 160, 64), abs=3)


def test_a_pdf_has_the_picture_and_is_the_same_each_time(
    tmp_path: Path, encoded: Encoded, photograph: Any, assignment_of: Any
) -> None:
    from darkroom_processor.local import LocalFiles  # noqa: PLC0415
    from darkroom_processor.tasks import process  # noqa: PLC0415

    source = tmp_path / "in"
    source.write_bytes(encoded(photograph(60, 40), "PNG"))
    made = [
        process(assignment_of(source, {"format": "pdf"}), LocalFiles(tmp_path), str(tmp_path))
        for _ in range(2)
    ]
    data = (tmp_path / "o0.pdf").read_bytes()
    assert data.startswith(b"%PDF-")
    assert b"/Width 60" in data
    assert b"Date" not in data
    assert made[0].outputs[0].sha256 == made[1].outputs[0].sha256


def test_an_icon_has_the_usual_sizes(run: Run, encoded: Encoded) -> None:
    (icon,) = run(encoded(Image.new("RGB", (64, 64), RED), "PNG"), {"format": "ico"})
    assert icon.info["sizes"] == {(16, 16), (32, 32), (48, 48), (64, 64)}


def test_an_icon_beyond_256_pixels_is_refused(run: Run, encoded: Encoded) -> None:
    with pytest.raises(Rejected) as refused:
        run(encoded(Image.new("L", (257, 10)), "PNG"), {"format": "ico"})
    assert refused.value.code is Code.OUTPUT_TOO_LARGE


def test_a_page_of_a_tiff_is_picked(run: Run, encoded: Encoded) -> None:
    pages = [Image.new("RGB", (10 + n, 8), (50 * n, 0, 0)) for n in range(3)]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    first, last = run(data, {}, {"frame": 2})
    assert (first.size, first.getpixel((2, 2))) == ((10, 8), (0, 0, 0))
    assert (last.size, last.getpixel((2, 2))) == ((12, 8), (100, 0, 0))


def test_a_page_that_there_is_not_is_refused(run: Run, encoded: Encoded) -> None:
    with pytest.raises(Rejected) as refused:
        run(encoded(Image.new("RGB", (8, 8)), "TIFF"), {"frame": 1})
    assert refused.value.code is Code.FRAME_MISSING


def test_pages_do_not_count_as_frames(run: Run, encoded: Encoded) -> None:
    pages = [Image.new("L", (10, 10), 50 * n) for n in range(4)]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert run(data, {"frame": 3}, limits=Limits(pixels=100))


def test_a_large_page_behind_a_small_one_is_refused(run: Run, encoded: Encoded) -> None:
    small, large = Image.new("L", (4, 4)), Image.new("L", (40, 40))
    data = encoded(small, "TIFF", save_all=True, append_images=[large])
    with pytest.raises(Rejected) as refused:
        run(data, {"frame": 1}, limits=Limits(pixels=100))
    assert refused.value.code is Code.TOO_MANY_PIXELS


@pytest.mark.parametrize("source", ["GIF", "TIFF", "BMP", "AVIF", "ICO"])
def test_noise_after_the_magic_bytes_is_corrupt(
    run: Run, encoded: Encoded, photograph: Any, source: str
) -> None:
    data = encoded(photograph(64, 64), source)
    with pytest.raises(Rejected) as refused:
        run(data[:40] + bytes(range(256)) * 8, {})
    assert refused.value.code in {Code.CORRUPT_IMAGE, Code.TOO_MANY_PIXELS, Code.OUT_OF_MEMORY}


@pytest.mark.parametrize("source", ["GIF", "TIFF", "BMP", "AVIF"])
def test_a_file_that_ends_too_early_is_corrupt(
    run: Run, encoded: Encoded, photograph: Any, source: str
) -> None:
    data = encoded(photograph(120, 80), source)
    with pytest.raises(Rejected) as refused:
        run(data[: len(data) // 2], {})
    assert refused.value.code is Code.CORRUPT_IMAGE


def test_encoder_settings_reach_the_encoders(run: Run, encoded: Encoded, photograph: Any) -> None:
    data = encoded(photograph(120, 80), "PNG")
    palette, full, quarter, half = run(
        data,
        {"colors": 8},
        {"format": "jpeg", "subsampling": "4:4:4"},
        {"format": "jpeg"},
        {"format": "jpeg", "subsampling": "4:2:2"},
    )
    assert palette.mode == "P"
    assert len(palette.convert("RGB").getcolors() or ()) <= 8
    layers = [image.layer for image in (full, quarter, half)]  # type: ignore[attr-defined]
    assert [layer[0][1:3] for layer in layers] == [(1, 1), (2, 2), (2, 1)]


@pytest.mark.parametrize("format_", ["gif", "png"])
def test_few_colours_are_mixed_from_dots(run: Run, encoded: Encoded, format_: str) -> None:
    gradient = Image.linear_gradient("L").convert("RGB")
    (image,) = run(encoded(gradient, "PNG"), {"format": format_, "colors": 4})
    for top in range(0, 256, 32):
        box = (0, top, 256, top + 32)
        mean = image.convert("L").crop(box).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
        # The ends have nothing beyond them to mix with.
        assert mean == pytest.approx(min(max(top + 16, 30), 225), abs=16)
