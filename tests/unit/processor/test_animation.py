"""Moving pictures: every operation on every frame, times and loops kept."""

import io
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from darkroom_processor.documents import Limits
from darkroom_processor.errors import Code, Rejected
from darkroom_processor.image import gif
from darkroom_processor.image.frames import Frame
from PIL import Image

Run = Callable[..., list[Image.Image]]
Encoded = Callable[..., bytes]
COLORS = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0)]
TIMES = [100, 200, 300, 400]
MOVING = ["gif", "webp", "png", "avif"]
SOURCES = ["GIF", "WEBP", "PNG", "AVIF"]


def film(encoded: Encoded, format_: str, **settings: Any) -> bytes:
    frames = [Image.new("RGB", (16, 12), color) for color in COLORS]
    return encoded(
        frames[0],
        format_,
        **{"save_all": True, "append_images": frames[1:], "duration": TIMES, "loop": 0, **settings},
    )


def shown(image: Image.Image) -> list[tuple[Any, int]]:
    """The middle of each frame, and its time."""
    frames = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        image.load()
        middle = image.convert("RGB").getpixel((image.width // 2, image.height // 2))
        frames.append((middle, round(image.info.get("duration", 0))))
    return frames


@pytest.mark.parametrize("source", SOURCES)
def test_every_frame_is_kept_with_its_time(run: Run, encoded: Encoded, source: str) -> None:
    resize = {"resize": {"width": 8}}
    recipes = [{"format": each, "operations": [resize]} for each in MOVING]
    for image in run(film(encoded, source), *recipes):
        assert image.size == (8, 6)
        frames = shown(image)
        assert [time for _, time in frames] == TIMES
        for (color, _), expected in zip(frames, COLORS, strict=True):
            assert color == pytest.approx(expected, abs=14)


def test_operations_reach_every_frame(run: Run, encoded: Encoded) -> None:
    operations = [{"rotate": {"angle": 90}}, {"invert": {}}, {"crop": {"width": 6, "height": 6}}]
    (image,) = run(film(encoded, "GIF"), {"format": "png", "operations": operations})
    assert image.size == (6, 6)
    inverted = [tuple(255 - value for value in color) for color in COLORS]
    assert [color for color, _ in shown(image)] == inverted


@pytest.mark.parametrize("source", SOURCES)
def test_a_format_that_cannot_move_takes_the_first_frame(
    run: Run, encoded: Encoded, source: str
) -> None:
    for image in run(film(encoded, source), {"format": "jpeg"}, {"format": "bmp"}):
        assert image.convert("RGB").getpixel((8, 6)) == pytest.approx(COLORS[0], abs=14)


@pytest.mark.parametrize("format_", MOVING)
def test_the_first_frame_alone_or_one_that_is_picked(
    run: Run, encoded: Encoded, format_: str
) -> None:
    first, third = run(
        film(encoded, "GIF"),
        {"format": format_, "animation": "first"},
        {"format": format_, "frame": 2},
    )
    for image, expected in ((first, COLORS[0]), (third, COLORS[2])):
        assert getattr(image, "n_frames", 1) == 1
        assert image.convert("RGB").getpixel((8, 6)) == pytest.approx(expected, abs=14)


def test_a_frame_that_there_is_not_is_refused(run: Run, encoded: Encoded) -> None:
    with pytest.raises(Rejected) as refused:
        run(film(encoded, "WEBP"), {"frame": 4})
    assert refused.value.code is Code.FRAME_MISSING


@pytest.mark.parametrize("format_", MOVING)
def test_it_can_run_faster(run: Run, encoded: Encoded, format_: str) -> None:
    (image,) = run(film(encoded, "PNG"), {"format": format_, "speed": 2.0})
    assert [time for _, time in shown(image)] == [time // 2 for time in TIMES]


@pytest.mark.parametrize(("source", "loop"), [("GIF", 2), ("WEBP", 3), ("PNG", 3)])
def test_it_is_shown_as_often_as_before(run: Run, encoded: Encoded, source: str, loop: int) -> None:
    made = run(film(encoded, source, loop=loop), *({"format": each} for each in MOVING[:3]))
    # A GIF says how often it is shown again.
    assert [image.info["loop"] for image in made] == [2, 3, 3]


def test_a_gif_that_is_shown_once_stays_so(run: Run, encoded: Encoded) -> None:
    made = run(film(encoded, "GIF", loop=None), *({"format": each} for each in MOVING[:3]))
    assert "loop" not in made[0].info
    assert [image.info["loop"] for image in made[1:]] == [1, 1]


@pytest.mark.parametrize("format_", MOVING)
@pytest.mark.parametrize("source", ["PNG", "AVIF"])
def test_what_is_transparent_stays_so(
    run: Run, encoded: Encoded, format_: str, source: str
) -> None:
    frames = []
    for number in range(3):
        frame = Image.new("RGBA", (24, 8), (0, 0, 0, 0))
        frame.paste((250, 20 * number, 0, 255), (8 * number, 0, 8 * number + 8, 8))
        frames.append(frame)
    data = encoded(frames[0], source, save_all=True, append_images=frames[1:], duration=100)
    (image,) = run(data, {"format": format_})
    for number in range(3):
        image.seek(number)
        alpha = image.convert("RGBA").getchannel("A")
        assert [alpha.getpixel((4 + 8 * at, 4)) for at in range(3)] == [
            pytest.approx(255 if at == number else 0, abs=4) for at in range(3)
        ]


def test_what_a_gif_draws_upon_its_frames_is_seen(run: Run, encoded: Encoded) -> None:
    frames = [Image.new("RGB", (16, 8), (10, 10, 200)) for _ in range(3)]
    frames[1].paste((200, 10, 10), (2, 2, 6, 6))
    frames[2].paste((10, 200, 10), (10, 2, 14, 6))
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    for image in run(data, {"format": "gif"}, {"format": "webp", "lossless": True}):
        for number, frame in enumerate(frames):
            image.seek(number)
            assert image.convert("RGB").tobytes() == frame.tobytes()


def test_every_frame_is_turned_upright(run: Run, encoded: Encoded) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for image in run(film(encoded, "PNG", exif=exif), *({"format": each} for each in MOVING)):
        assert image.size == (12, 16)


def test_the_picture_for_those_who_cannot_move_is_no_frame(run: Run, encoded: Encoded) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in COLORS]
    data = encoded(
        frames[0], "PNG", save_all=True, append_images=frames[1:], default_image=True, duration=100
    )
    (image,) = run(data, {"format": "gif"})
    assert [color for color, _ in shown(image)] == COLORS[1:]


def test_frames_that_do_not_differ_are_shown_longer(run: Run, encoded: Encoded) -> None:
    frames = [Image.new("RGB", (8, 8), (n // 2 * 200, 0, 0)) for n in range(4)]
    frames[1].putpixel((0, 0), (1, 0, 0))
    data = encoded(
        frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=100, lossless=True
    )
    crop = {"crop": {"x": 2, "y": 2, "width": 4, "height": 4}}
    (image,) = run(data, {"format": "gif", "operations": [crop]})
    assert shown(image) == [((0, 0, 0), 200), ((200, 0, 0), 200)]


@pytest.mark.parametrize("format_", MOVING)
def test_all_frames_of_an_output_count(run: Run, encoded: Encoded, format_: str) -> None:
    operation = {"resize": {"width": 32, "enlarge": True}}
    recipe = {"format": format_, "operations": [operation]}
    assert run(film(encoded, "GIF"), recipe, limits=Limits(pixels=32 * 24 * 4))
    with pytest.raises(Rejected) as refused:
        run(film(encoded, "GIF"), recipe, limits=Limits(pixels=32 * 24 * 4 - 1))
    assert refused.value.code is Code.OUTPUT_TOO_LARGE


def test_an_endless_row_of_frames_is_refused_in_time(run: Run, encoded: Encoded) -> None:
    head = encoded(Image.new("P", (1, 1)), "GIF")[:-1]
    frame = b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"
    with pytest.raises(Rejected) as refused:
        run(head + frame * 2_000_000, {})
    assert refused.value.code is Code.TOO_MANY_PIXELS


@pytest.mark.parametrize("format_", MOVING)
def test_a_frame_that_is_shown_for_hours_is_shown_for_a_minute(
    run: Run, encoded: Encoded, format_: str
) -> None:
    (image,) = run(film(encoded, "WEBP", duration=5_000_000), {"format": format_})
    assert [time for _, time in shown(image)] == [60_000] * 4


def test_frames_that_are_announced_and_missing_are_damage(run: Run, encoded: Encoded) -> None:
    data = film(encoded, "PNG")
    at = data.index(b"acTL")
    lying = data[: at + 4] + (9).to_bytes(4, "big") + data[at + 8 :]
    with pytest.raises(Rejected) as refused:
        run(lying, {"format": "webp"})
    assert refused.value.code is Code.CORRUPT_IMAGE


def test_a_gif_is_written_frame_by_frame() -> None:
    def frames(count: int) -> Any:
        for number in range(count):
            yield Frame(Image.new("RGB", (400, 300), (number, 0, 0)), 100)

    peaks = []
    for count in (4, 40):
        tracemalloc.start()
        data = gif.write(frames(count), 16, 0)
        peaks.append(tracemalloc.get_traced_memory()[1] - len(data))
        tracemalloc.stop()
        with Image.open(io.BytesIO(data)) as made:
            assert getattr(made, "n_frames", 1) == count
    assert peaks[1] < peaks[0] + 400_000


@pytest.mark.parametrize("format_", ["webp", "avif"])
def test_a_film_is_made_to_fit(run: Run, encoded: Encoded, format_: str, photograph: Any) -> None:
    frames = [photograph(80, 60).rotate(20 * n) for n in range(3)]
    data = encoded(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=100)
    usual, small = run(data, {"format": format_}, {"format": format_, "maxBytes": 2500})
    assert [getattr(image, "n_frames", 1) for image in (usual, small)] == [3, 3]
