"""Operations as a whole task does them: files in, files out."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from darkroom_processor.assignment import read_outputs
from darkroom_processor.documents import (
    AssignedFile,
    AssignedOutput,
    AssignedSource,
    Assignment,
    SignedRequest,
)
from darkroom_processor.errors import Code, Rejected
from darkroom_processor.local import LocalFiles
from darkroom_processor.tasks import process
from PIL import Image

RED, GREEN = (255, 0, 0), (0, 160, 0)
LOGO = {"source": {"key": "brand/logo.png"}}
Task = Callable[..., list[Image.Image]]


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """Return a function that does a task with an overlay: (source, overlay, *outputs)."""

    def do(source: bytes, overlay: bytes, *outputs: dict[str, Any]) -> list[Image.Image]:
        paths = {"source": source, "logo": overlay}
        for name, data in paths.items():
            (tmp_path / name).write_bytes(data)
        recipe = [{"name": f"o{i}", "format": "png", **each} for i, each in enumerate(outputs)]
        nowhere = SignedRequest("")
        report = process(
            Assignment(
                "test",
                sources=(AssignedSource(SignedRequest(str(tmp_path / "source"))),),
                overlays=(AssignedSource(SignedRequest(str(tmp_path / "logo")), "brand/logo.png"),),
                outputs=tuple(
                    AssignedOutput(o, (AssignedFile(o.name, o.format, nowhere),))
                    for o in read_outputs(json.dumps(recipe))
                ),
            ),
            LocalFiles(tmp_path / "made"),
            str(tmp_path),
        )
        assert sorted(path.name for path in tmp_path.iterdir()) == ["logo", "made", "source"]
        files = [next((tmp_path / "made").glob(f"{each.name}.*")) for each in report.outputs]
        return [Image.open(io.BytesIO(path.read_bytes())) for path in files]

    return do


def test_an_overlay_is_put_upon_every_output_upright(task: Task, encoded: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    logo = Image.new("RGB", (40, 20), GREEN)
    logo.paste(RED, (0, 0, 20, 20))
    made = task(
        encoded(Image.new("RGB", (400, 300), (90, 90, 90)), "JPEG", quality=95, exif=exif),
        # Its upper half is red once it is turned upright.
        encoded(logo, "JPEG", quality=95, exif=exif),
        {"operations": [{"overlay": {**LOGO, "gravity": "northwest"}}]},
        {"operations": [{"resize": {"width": 150}}, {"overlay": {**LOGO, "size": 0.2}}]},
    )
    assert [image.size for image in made] == [(300, 400), (150, 200)]
    assert made[0].getpixel((5, 5)) == pytest.approx(RED, abs=12)
    assert made[0].getpixel((5, 35)) == pytest.approx(GREEN, abs=12)
    assert made[1].getpixel((125, 145)) == pytest.approx(RED, abs=12)
    assert made[1].getpixel((145, 195)) == pytest.approx(GREEN, abs=12)


def test_every_frame_gets_the_same_crop_text_and_overlay(task: Task, encoded: Any) -> None:
    frames = []
    for tone in range(5):
        frame = Image.new("RGB", (60, 40), (255, 255, 255))
        # The first frame alone says where the border ends.
        frame.paste((tone * 50, 0, 80), (10 - 2 * tone, 8, 50, 30))
        frames.append(frame)
    source = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    logo = encoded(Image.new("RGB", (8, 8), RED), "PNG")
    (made,) = task(
        source,
        logo,
        {
            "format": "webp",
            "lossless": True,
            "operations": [
                {"trim": {}},
                {"overlay": {**LOGO, "gravity": "northwest"}},
                {"text": {"text": "Hi", "size": 0.4}},
            ],
        },
    )
    assert getattr(made, "n_frames", 1) == 5
    for number in range(5):
        made.seek(number)
        shown = made.convert("RGB")
        assert shown.size == (40, 22)
        assert shown.getpixel((4, 4)) == RED
        assert shown.getpixel((1, 15)) == pytest.approx((number * 50, 0, 80), abs=3)


@pytest.mark.parametrize(
    ("overlay", "code"),
    [(b"", Code.UNSUPPORTED_FORMAT), (b"\x89PNG\r\n\x1a\n" + b"x" * 99, Code.CORRUPT_IMAGE)],
)
def test_an_overlay_that_is_no_picture_is_named(
    task: Task, encoded: Any, overlay: bytes, code: Code
) -> None:
    with pytest.raises(Rejected) as caught:
        task(
            encoded(Image.new("RGB", (9, 9)), "PNG"),
            overlay,
            {"operations": [{"overlay": dict(LOGO)}]},
        )
    assert caught.value.code in {code, Code.UNSUPPORTED_FORMAT}
    assert "brand/logo.png" in caught.value.message


def test_sixteen_bits_of_grey_survive_a_crop_and_a_resize(task: Task, encoded: Any) -> None:
    logo = encoded(Image.new("RGB", (8, 8), RED), "PNG")
    kept, lost = task(
        encoded(Image.new("I;16", (80, 60), 40_001), "PNG"),
        logo,
        {"operations": [{"crop": {"aspect": "1:1"}}, {"resize": {"width": 20}}]},
        {"operations": [{"resize": {"width": 20}}, {"brightness": {"factor": 1}}]},
    )
    assert kept.getpixel((3, 3)) == 40_001
    assert lost.getpixel((3, 3)) == round(40_001 / 257)
