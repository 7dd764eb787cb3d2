"""Smart crops keep what a person would, at every size and scale of decoding."""

import json
from typing import Any

import pytest
from darkroom_core.vocabulary import Gravity
from darkroom_processor.assignment import read_outputs
from darkroom_processor.image.decode import Base
from darkroom_processor.image.render import plan_for, render, renderer
from darkroom_processor.operations.saliency import focus_of
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw

SMART = [Gravity.ENTROPY, Gravity.ATTENTION]
places = st.tuples(st.floats(0.15, 0.85), st.floats(0.15, 0.85))


def scene(subject: tuple[float, float], size: tuple[int, int] = (480, 320)) -> Image.Image:
    """A smooth sky, and somebody with a chequered red shirt in it."""
    sky = Image.linear_gradient("L").resize(size)
    image = Image.merge("RGB", [sky.point(lambda v, k=k: k + v / 8) for k in (90, 110, 130)])
    x, y, unit = round(subject[0] * size[0]), round(subject[1] * size[1]), size[1] // 20
    pen = ImageDraw.Draw(image)
    pen.ellipse((x - unit, y - 3 * unit, x + unit, y - unit), fill=(222, 170, 140))
    for row in range(4):
        for column in range(4):
            color = (200, 20, 30) if (row + column) % 2 else (250, 240, 230)
            left, upper = x + (column - 2) * unit // 2, y - unit + row * unit // 2
            pen.rectangle((left, upper, left + unit // 2, upper + unit // 2), fill=color)
    return image


@given(places, st.sampled_from(SMART))
def test_the_subject_is_in_the_middle_third_of_what_is_kept(subject: Any, gravity: Any) -> None:
    x, _ = focus_of(scene(subject), gravity, (0.5, 1.0))
    nearest = min(max(subject[0], 0.25), 0.75)
    assert abs(x - nearest) < 0.17


@given(places, st.sampled_from(SMART))
def test_the_window_of_a_crop_lies_inside_and_holds_the_subject(subject: Any, gravity: Any) -> None:
    x, y = focus_of(scene(subject), gravity, (0.4, 0.4))
    assert 0.2 - 0.01 <= x <= 0.8 + 0.01
    assert 0.2 - 0.01 <= y <= 0.8 + 0.01
    assert abs(x - subject[0]) <= 0.2
    assert abs(y - subject[1]) <= 0.2


@pytest.mark.parametrize("gravity", SMART)
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (7, 300), (300, 7), (200, 100)])
def test_of_a_picture_of_one_colour_the_middle_is_kept(gravity: Any, mode: str, size: Any) -> None:
    assert focus_of(Image.new(mode, size), gravity, (0.5, 0.5)) == (0.5, 0.5)


def test_attention_prefers_a_face_to_a_pattern_without_colours() -> None:
    image = Image.new("RGB", (300, 100), (120, 125, 130))
    pen = ImageDraw.Draw(image)
    pen.ellipse((225, 20, 275, 80), fill=(224, 172, 140))
    for left in range(20, 90, 14):
        pen.line((left, 20, left, 80), fill=(110, 115, 120), width=3)
    assert focus_of(image, Gravity.ATTENTION, (1 / 3, 1.0))[0] > 0.7
    assert focus_of(image.convert("L"), Gravity.ENTROPY, (1 / 3, 1.0))[0] != 0.5


def test_what_is_transparent_draws_no_eye() -> None:
    image = scene((0.2, 0.5)).convert("RGBA")
    image.paste(scene((0.8, 0.5)).crop((240, 0, 480, 320)), (240, 0))
    image.paste((255, 0, 0, 0), (0, 0, 200, 320))
    assert focus_of(image, Gravity.ATTENTION, (0.4, 1.0))[0] > 0.6


def base_of(image: Image.Image, reduce: int, orientation: int = 1) -> Base:
    reduced = image.reduce(reduce) if reduce > 1 else image
    return Base(reduced, image.size, reduced.width / image.width, orientation, None)


@pytest.mark.parametrize("gravity", SMART)
@pytest.mark.parametrize("reduce", [2, 4, 8])
@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize(
    "operations",
    [
        [{"resize": {"width": 60, "height": 80, "fit": "cover"}}],
        [{"crop": {"aspect": "2:3"}}, {"resize": {"width": 60}}],
        [
            {"flip": {"direction": "horizontal"}},
            {"crop": {"width": 300, "height": 300}},
            {"resize": {"width": 60}},
        ],
    ],
)
def test_a_reduced_decoding_keeps_the_same_part(
    operations: Any, orientation: int, reduce: int, gravity: Gravity
) -> None:
    operations[-2 if len(operations) > 1 else -1] = {
        name: {**value, "gravity": gravity.value}
        for name, value in operations[-2 if len(operations) > 1 else -1].items()
    }
    recipe = [{"name": "o", "format": "png", "operations": operations}]
    (output,) = read_outputs(json.dumps(recipe))
    image = scene((0.75, 0.3), (960, 640))
    whole = render(base_of(image, 1, orientation), output, 10**6)
    reduced = render(base_of(image, reduce, orientation), output, 10**6)
    assert whole.size == reduced.size
    # The red of the shirt is kept, and at nearly the same place.
    places = [_red(picture) for picture in (whole, reduced)]
    assert places[0] == pytest.approx(places[1], abs=5)


def _red(image: Image.Image) -> tuple[float, float]:
    red, green, _ = image.convert("RGB").split()
    much = ImageChops.subtract(red, green).point(lambda value: 255 * (value > 60))
    box = much.getbbox()
    assert box, "the subject was cut off"
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def test_frames_are_cut_where_the_first_one_says() -> None:
    recipe = [
        {
            "name": "o",
            "format": "png",
            "operations": [
                {"resize": {"width": 60, "height": 80, "fit": "cover", "gravity": "attention"}},
                {"normalize": {}},
                {"text": {"text": "Hi", "size": 0.2}},
            ],
        }
    ]
    (output,) = read_outputs(json.dumps(recipe))
    frames = [base_of(scene(subject), 1) for subject in ((0.2, 0.5), (0.8, 0.5))]
    frame = renderer(output, 10**6)
    first, second = (frame(base) for base in frames)
    assert first.size == second.size == (60, 80)
    assert _red_part(first) > 0.004
    assert _red_part(second) == 0
    assert render(frames[0], output, 10**6).tobytes() == first.tobytes()
    assert plan_for(output, (480, 320), 1).size == (60, 80)


def _red_part(image: Image.Image) -> float:
    red, green, _ = image.split()
    much = ImageChops.subtract(red, green).histogram()
    return sum(much[120:]) / sum(much)
