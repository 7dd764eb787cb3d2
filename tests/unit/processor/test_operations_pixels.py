"""Operations on pixels: what each does where, in every mode, and what none may do."""

import json
from typing import Any

import pytest
from darkroom_processor import operations
from darkroom_processor.assignment import read_outputs
from darkroom_processor.documents import Operation
from darkroom_processor.errors import Code, Rejected
from darkroom_processor.operations import Context
from PIL import Image, ImageChops

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
CLEAR = (0, 0, 0, 0)
ONE_OF_EACH: list[dict[str, Any]] = [
    {"resize": {"width": 9, "height": 9, "fit": "cover"}},
    {"resize": {"width": 9, "height": 9, "fit": "pad"}},
    {"resize": {"scale": 1.5, "filter": "nearest"}},
    {"crop": {"width": 9, "height": 5, "gravity": "entropy"}},
    {"crop": {"aspect": "1:1", "gravity": "attention"}},
    {"trim": {}},
    {"extend": {"top": 1, "left": 2, "background": "#ff0000"}},
    {"rotate": {"angle": 30.5}},
    {"rotate": {"angle": 90}},
    {"flip": {"direction": "horizontal"}},
    {"border": {"width": 2}},
    {"roundCorners": {"radius": 4}},
    {"circle": {}},
    {"flatten": {}},
    {"grayscale": {}},
    {"sepia": {}},
    {"tint": {"color": "#3366cc"}},
    {"brightness": {"factor": 1.5}},
    {"contrast": {"factor": 1.5}},
    {"saturation": {"factor": 1.5}},
    {"gamma": {"gamma": 1.5}},
    {"invert": {}},
    {"normalize": {}},
    {"posterize": {"bits": 2}},
    {"vignette": {}},
    {"blur": {"sigma": 2}},
    {"sharpen": {}},
    {"unsharp": {}},
    {"pixelate": {"size": 4}},
    {"overlay": {"source": {"key": "logo"}, "size": 0.5}},
    {"text": {"text": "Ab", "size": 0.5}},
]
TONES = [
    each
    for each in ONE_OF_EACH
    if operations.MODULES.get(next(iter(each))) == "tone" and "normalize" not in each
]
MODES = ["L", "RGB", "RGBA"]
LOGO = Image.new("RGBA", (8, 4), (255, 128, 0, 200))


def read(*given: dict[str, Any]) -> tuple[Operation, ...]:
    recipe = [{"name": "o", "format": "png", "operations": list(given)}]
    return read_outputs(json.dumps(recipe))[0].operations


def applied(image: Image.Image, *given: dict[str, Any], limit: int = 10**6) -> Image.Image:
    return operations.apply(image, read(*given), Context(limit, {"logo": LOGO}))


def named(given: dict[str, Any]) -> str:
    return next(iter(given))


def gradient(mode: str, size: tuple[int, int] = (24, 16)) -> Image.Image:
    """A picture with something of every tone, half of it translucent in RGBA."""
    grey = Image.linear_gradient("L").resize(size)
    bands = [grey, grey.rotate(180), grey.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    half = Image.new("L", size, 255)
    half.paste(128, (0, 0, size[0] // 2, size[1]))
    half.paste(0, (0, 0, 4, 4))
    return Image.merge(mode, [*bands, half][: len(Image.new(mode, (1, 1)).getbands())])


def quarters(size: tuple[int, int] = (8, 4)) -> Image.Image:
    """Red, green / blue, white."""
    image = Image.new("RGB", (2, 2))
    image.putdata([RED, GREEN, BLUE, WHITE])
    return image.resize(size, Image.Resampling.NEAREST)


def test_every_operation_of_the_vocabulary_is_carried_out() -> None:
    assert set(operations.MODULES) == set(Operation._fields)
    assert {operations.kind_of(*read(each)) for each in ONE_OF_EACH} == set(Operation._fields)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("operation", ONE_OF_EACH, ids=named)
def test_no_operation_changes_the_picture_it_is_given(operation: Any, mode: str) -> None:
    image = gradient(mode)
    before = image.tobytes()
    made = applied(image, operation)
    assert made.mode in MODES
    assert before == image.tobytes()


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (3, 2)])
@pytest.mark.parametrize("operation", ONE_OF_EACH, ids=named)
def test_every_operation_can_be_done_to_the_smallest_pictures(operation: Any, size: Any) -> None:
    for mode in MODES:
        assert min(applied(gradient(mode, size), operation).size) >= 1


@pytest.mark.parametrize("mode", ["CMYK", "I;16", "P", "LA", "1", "I"])
@pytest.mark.parametrize("operation", ONE_OF_EACH, ids=named)
def test_every_operation_takes_any_mode(operation: Any, mode: str) -> None:
    image = gradient("RGB").convert("L" if mode in {"I;16", "I"} else "RGB").convert(mode)
    assert min(applied(image, operation).size) >= 1


@pytest.mark.parametrize("operation", TONES, ids=named)
def test_tones_leave_what_is_transparent_as_it_is(operation: Any) -> None:
    image = gradient("RGBA")
    made = applied(image, operation)
    assert made.mode == "RGBA"
    assert made.getchannel("A").tobytes() == image.getchannel("A").tobytes()


@pytest.mark.parametrize("operation", TONES, ids=named)
def test_tones_are_the_same_with_and_without_transparency(operation: Any) -> None:
    image = gradient("RGB")
    opaque = image.copy()
    opaque.putalpha(255)
    made = applied(image, operation).convert("RGB")
    assert made.tobytes() == applied(opaque, operation).convert("RGB").tobytes()


@pytest.mark.parametrize(
    "operation",
    [
        {"brightness": {"factor": 1}},
        {"contrast": {"factor": 1}},
        {"saturation": {"factor": 1}},
        {"gamma": {"gamma": 1}},
        {"posterize": {"bits": 8}},
        {"sepia": {"amount": 0}},
        {"tint": {"color": "#ff0000", "amount": 0}},
        {"vignette": {"amount": 0}},
        {"sharpen": {"amount": 0}},
        {"normalize": {"black": 0, "white": 255}},
        {"rotate": {"angle": 360}},
        {"resize": {"scale": 1}},
        {"extend": {}},
    ],
    ids=named,
)
def test_what_changes_nothing_changes_nothing(operation: Any) -> None:
    image = gradient("RGB")
    difference = ImageChops.difference(image, applied(image, operation).convert("RGB"))
    assert max(difference.tobytes()) <= 1


@pytest.mark.parametrize(
    ("operation", "color", "expected"),
    [
        ({"grayscale": {}}, RED, (76, 76, 76)),
        ({"sepia": {}}, (100, 100, 100), (135, 120, 94)),
        ({"tint": {"color": "#3366cc"}}, WHITE, (51, 102, 204)),
        ({"tint": {"color": "#3366cc"}}, (0, 0, 0), (0, 0, 0)),
        ({"tint": {"color": "#000000", "amount": 0.5}}, WHITE, (128, 128, 128)),
        ({"brightness": {"factor": 1.5}}, (100, 40, 200), (150, 60, 255)),
        ({"brightness": {"factor": 0}}, WHITE, (0, 0, 0)),
        ({"contrast": {"factor": 0}}, RED, (128, 128, 128)),
        ({"contrast": {"factor": 2}}, (138, 118, 20), (148, 108, 0)),
        ({"saturation": {"factor": 0}}, RED, (76, 76, 76)),
        ({"saturation": {"factor": 2}}, (120, 100, 100), (134, 94, 94)),
        ({"gamma": {"gamma": 2}}, (64, 0, 255), (128, 0, 255)),
        ({"invert": {}}, (255, 55, 0), (0, 200, 255)),
        ({"normalize": {"black": 50, "white": 150}}, (100, 50, 150), (128, 0, 255)),
        ({"posterize": {"bits": 1}}, (127, 128, 255), (0, 255, 255)),
        ({"posterize": {"bits": 2}}, (0, 70, 255), (0, 85, 255)),
    ],
)
def test_a_tone_becomes_another(operation: Any, color: Any, expected: Any) -> None:
    made = applied(Image.new("RGB", (2, 2), color), operation).convert("RGB")
    assert made.getpixel((0, 0)) == pytest.approx(expected, abs=1)


def test_normalize_stretches_from_black_to_white_but_for_a_few_pixels() -> None:
    image = Image.linear_gradient("L").point(lambda tone: 60 + tone / 4)
    image.putpixel((0, 0), 255)
    made = applied(image, {"normalize": {"cutoff": 1}})
    assert made.getpixel((128, 4)) == pytest.approx(0, abs=4)
    assert made.getpixel((128, 252)) == pytest.approx(255, abs=4)
    assert applied(image.convert("RGB"), {"normalize": {"cutoff": 1}}).convert("L").tobytes() == (
        made.tobytes()
    )


def test_normalize_does_not_look_at_what_is_transparent() -> None:
    image = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    image.paste((100, 100, 100, 255), (2, 2, 6, 8))
    image.paste((150, 150, 150, 255), (6, 2, 8, 8))
    made = applied(image, {"normalize": {"cutoff": 0}})
    assert made.getpixel((2, 2)) == (0, 0, 0, 255)
    assert made.getpixel((6, 2)) == (255, 255, 255, 255)


@pytest.mark.parametrize("mode", MODES)
def test_normalize_leaves_a_picture_of_one_tone_alone(mode: str) -> None:
    image = Image.new(mode, (5, 5), 77 if mode == "L" else (77, 77, 77, 255)[: len(mode)])
    assert applied(image, {"normalize": {}}).tobytes() == image.tobytes()


def test_a_vignette_colours_the_corners_and_leaves_the_middle() -> None:
    image = Image.new("RGB", (60, 40), (200, 200, 200))
    made = applied(image, {"vignette": {"amount": 1, "radius": 0.4, "color": "#ff0000"}})
    assert made.getpixel((30, 20)) == (200, 200, 200)
    for corner in (0, 0), (59, 0), (0, 39), (59, 39):
        assert made.getpixel(corner) == pytest.approx(RED, abs=12)
    assert applied(image.convert("L"), {"vignette": {}}).mode == "L"


@pytest.mark.parametrize("gravity", ["northwest", "northeast", "southwest", "southeast"])
def test_gravity_says_which_corner_a_crop_keeps(gravity: str) -> None:
    at = {"northwest": RED, "northeast": GREEN, "southwest": BLUE, "southeast": WHITE}
    made = applied(quarters(), {"crop": {"width": 4, "height": 2, "gravity": gravity}})
    assert made.size == (4, 2)
    assert made.getcolors() == [(8, at[gravity])]


@pytest.mark.parametrize(("gravity", "color"), [("north", RED), ("center", None), ("south", BLUE)])
def test_gravity_says_what_cover_keeps(gravity: str, color: Any) -> None:
    image = Image.new("RGB", (10, 30), RED)
    image.paste(BLUE, (0, 15, 10, 30))
    resize = {"width": 10, "height": 10, "fit": "cover", "gravity": gravity}
    made = applied(image, {"resize": resize})
    assert made.size == (10, 10)
    assert made.getpixel((5, 0)) == (color or RED)
    assert made.getpixel((5, 9)) == (color or BLUE)


def test_a_focus_says_what_cover_keeps() -> None:
    image = Image.new("RGB", (100, 20), RED)
    image.paste(BLUE, (70, 0, 90, 20))
    resize = {"width": 20, "height": 20, "fit": "cover", "focus": {"x": 0.8, "y": 0.5}}
    made = applied(image, {"resize": resize})
    assert made.getcolors() == [(400, BLUE)]


def test_a_padded_picture_lies_where_gravity_says() -> None:
    pad = {"width": 8, "height": 8, "fit": "pad", "background": "#0000ff", "gravity": "south"}
    made = applied(Image.new("RGB", (8, 2), RED), {"resize": pad})
    assert made.getpixel((4, 5)) == BLUE
    assert made.getpixel((4, 6)) == RED


def test_a_background_may_be_translucent() -> None:
    pad = {"width": 8, "height": 8, "fit": "pad", "background": "#0000ff80"}
    made = applied(Image.new("RGB", (8, 2), RED), {"resize": pad})
    assert made.getpixel((0, 0)) == (0, 0, 255, 128)
    assert made.getpixel((4, 4)) == (*RED, 255)
    extended = applied(made, {"extend": {"left": 1, "background": "#00000000"}})
    assert extended.getpixel((0, 0)) == CLEAR
    assert extended.getpixel((1, 0)) == (0, 0, 255, 128)


def test_a_crop_by_aspect_is_the_largest_there_is() -> None:
    assert applied(quarters((80, 40)), {"crop": {"aspect": "1:1"}}).size == (40, 40)
    assert applied(quarters((80, 40)), {"crop": {"aspect": "4:1"}}).size == (80, 20)


@pytest.mark.parametrize("at", [{"x": 8}, {"y": 4}])
def test_a_crop_outside_the_picture_is_refused(at: Any) -> None:
    with pytest.raises(Rejected) as caught:
        applied(quarters(), {"crop": {**at, "width": 2, "height": 2}})
    assert caught.value.code is Code.CROP_OUTSIDE


def framed(mode: str, border: Any, inside: Any) -> Image.Image:
    image = Image.new(mode, (20, 10), border)
    image.paste(inside, (5, 2, 17, 8))
    return image


@pytest.mark.parametrize(
    ("image", "trim", "size"),
    [
        (framed("L", 250, 100), {}, (12, 6)),
        (framed("RGB", WHITE, RED), {}, (12, 6)),
        (framed("RGBA", (9, 9, 9, 0), (*RED, 255)), {}, (12, 6)),
        (framed("RGB", (250, 250, 250), (243, 250, 250)), {}, (20, 10)),
        (framed("RGB", (250, 250, 250), (243, 250, 250)), {"threshold": 5}, (12, 6)),
        (framed("RGB", WHITE, RED), {"color": "#ffffff"}, (12, 6)),
        (framed("RGB", WHITE, RED), {"color": "#00ff00"}, (20, 10)),
        (Image.new("RGB", (20, 10), WHITE), {}, (20, 10)),
    ],
)
def test_trim_cuts_off_borders_of_one_colour(image: Image.Image, trim: Any, size: Any) -> None:
    assert applied(image, {"trim": trim}).size == size


def test_trim_leaves_noise_of_a_border_behind() -> None:
    image = framed("L", 250, 100)
    image.putpixel((0, 5), 244)
    assert applied(image, {"trim": {}}).size == (12, 6)


def test_extend_and_border_add_what_they_say() -> None:
    image = Image.new("RGB", (4, 4), RED)
    sides = {"top": 1, "right": 2, "bottom": 3, "left": 4, "background": "#00ff00"}
    extended = applied(image, {"extend": sides})
    assert extended.size == (10, 8)
    assert extended.getbbox() == (0, 0, 10, 8)
    assert ImageChops.invert(extended.getchannel("R")).point(
        lambda value: 255 - value
    ).getbbox() == (4, 1, 8, 5)
    bordered = applied(Image.new("L", (4, 4), 9), {"border": {"width": 2, "color": "#0000ff"}})
    assert bordered.size == (8, 8)
    assert bordered.getpixel((1, 1)) == BLUE
    assert bordered.getpixel((2, 2)) == (9, 9, 9)


def test_flatten_leaves_nothing_transparent() -> None:
    image = Image.new("RGBA", (2, 2), (255, 0, 0, 128))
    made = applied(image, {"flatten": {"background": "#0000ff"}})
    assert made.mode == "RGB"
    assert made.getpixel((0, 0)) == pytest.approx((128, 0, 127), abs=1)


def test_round_corners_are_transparent_and_nothing_else() -> None:
    made = applied(Image.new("RGB", (40, 30), RED), {"roundCorners": {"radius": 10}})
    alpha = made.getchannel("A")
    assert [alpha.getpixel(at) for at in ((0, 0), (39, 0), (0, 29), (39, 29))] == [0] * 4
    assert [alpha.getpixel(at) for at in ((20, 0), (0, 15), (39, 15), (20, 15))] == [255] * 4
    assert len(set(alpha.tobytes())) > 4
    for turn in Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM:
        assert alpha.transpose(turn).tobytes() == alpha.tobytes()


def test_a_circle_has_the_area_of_one() -> None:
    alpha = applied(Image.new("L", (100, 100), 9), {"circle": {}}).getchannel("A")
    covered = sum(alpha.tobytes()) / 255 / 100**2
    assert covered == pytest.approx(3.14159 / 4, abs=0.01)


def test_round_shapes_keep_what_was_transparent() -> None:
    image = Image.new("RGBA", (40, 40), (255, 0, 0, 100))
    shapes: list[dict[str, Any]] = [{"circle": {}}, {"roundCorners": {"radius": 99}}]
    for operation in shapes:
        made = applied(image, operation)
        assert made.getpixel((20, 20)) == (255, 0, 0, 100)
        assert made.getchannel("A").getpixel((0, 0)) == 0


def test_any_angle_has_smooth_edges_on_any_background() -> None:
    image = Image.new("L", (40, 20), 0)
    made = applied(image, {"rotate": {"angle": 30, "background": "#ffffff"}})
    tones = set(made.convert("L").tobytes())
    assert len(tones) > 20
    clear = applied(image, {"rotate": {"angle": 30, "background": "#00000000"}})
    assert clear.getpixel((0, 0)) == CLEAR
    assert clear.getpixel((clear.width // 2, clear.height // 2)) == (0, 0, 0, 255)


@pytest.mark.parametrize(
    "operation",
    [
        {"resize": {"width": 10}},
        {"resize": {"width": 160, "enlarge": True}},
        {"blur": {"sigma": 3}},
        {"sharpen": {"amount": 5}},
        {"unsharp": {"percent": 500}},
        {"rotate": {"angle": 33, "background": "#00000000"}},
        {"pixelate": {"size": 7}},
    ],
    ids=named,
)
def test_transparent_pixels_lend_no_colour_to_the_rest(operation: Any) -> None:
    image = Image.new("RGBA", (80, 60), CLEAR)
    image.paste((200, 100, 50, 255), (20, 10, 57, 43))
    made = applied(image, operation)
    for *color, alpha in zip(*(band.tobytes() for band in made.split()), strict=True):
        if alpha > 128:
            # A filter may swing beyond at an edge, but towards black or another hue it may not.
            assert 194 <= color[0] <= 250
            assert color == pytest.approx([color[0], color[0] / 2, color[0] / 4], abs=5)


def tone(image: Image.Image, x: int, y: int) -> int:
    value = image.getpixel((x, y))
    assert isinstance(value, int)
    return value


def test_blur_and_sharpen_are_opposites_at_an_edge() -> None:
    image = Image.new("L", (40, 10), 60)
    image.paste(180, (20, 0, 40, 10))
    blurred = applied(image, {"blur": {"sigma": 3}})
    assert 70 < tone(blurred, 18, 5) < 120
    sharper: list[dict[str, Any]] = [{"sharpen": {}}, {"unsharp": {"percent": 100}}]
    for operation in sharper:
        sharp = applied(image, operation)
        assert tone(sharp, 19, 5) < 60
        assert tone(sharp, 20, 5) > 180
        assert tone(sharp, 2, 5) == 60


def test_pixelate_makes_squares_of_one_colour() -> None:
    made = applied(gradient("RGB", (30, 20)), {"pixelate": {"size": 8}})
    assert made.size == (30, 20)
    for left in range(0, 30, 8):
        for upper in range(0, 20, 8):
            square = made.crop((left, upper, min(30, left + 8), min(20, upper + 8)))
            assert len(square.getcolors() or []) == 1


@pytest.mark.parametrize(
    "operation",
    [
        {"resize": {"width": 200, "enlarge": True}},
        {"resize": {"width": 200, "height": 200, "fit": "pad"}},
        {"resize": {"scale": 3}},
        {"extend": {"left": 100}},
        {"border": {"width": 40}},
        {"rotate": {"angle": 45}},
    ],
    ids=named,
)
def test_no_operation_makes_more_pixels_than_allowed(operation: Any) -> None:
    with pytest.raises(Rejected) as caught:
        applied(Image.new("L", (60, 60)), operation, limit=4000)
    assert caught.value.code is Code.OUTPUT_TOO_LARGE


@pytest.mark.parametrize(
    "operation",
    [
        {"resize": {"width": 6}},
        {"resize": {"width": 6, "height": 6, "fit": "cover", "gravity": "entropy"}},
        {"crop": {"aspect": "1:1"}},
        {"trim": {}},
        {"flip": {"direction": "vertical"}},
        {"rotate": {"angle": -90}},
    ],
    ids=named,
)
def test_what_moves_pixels_keeps_sixteen_bits(operation: Any) -> None:
    image = Image.new("I;16", (16, 12), 40_001)
    assert operations.keeps_16_bits(*read(operation))
    made = applied(image, operation)
    assert made.mode == "I;16"
    assert made.getpixel((1, 1)) == 40_001


def test_what_makes_new_tones_makes_eight_bits_of_sixteen() -> None:
    image = Image.new("I;16", (16, 12), 257 * 100)
    making: list[dict[str, Any]] = [
        {"sepia": {}},
        {"rotate": {"angle": 5}},
        {"border": {"width": 1}},
    ]
    for given in making:
        assert not operations.keeps_16_bits(*read(given))
    assert applied(image, {"brightness": {"factor": 2}}).getpixel((1, 1)) == 200


LOOKING: list[dict[str, Any]] = [
    {"trim": {}},
    {"normalize": {}},
    {"crop": {"width": 10, "height": 9, "gravity": "entropy"}},
    {"crop": {"aspect": "1:2", "gravity": "attention"}},
    {"resize": {"width": 7, "height": 9, "fit": "cover", "gravity": "attention"}},
]


@pytest.mark.parametrize("operation", LOOKING, ids=named)
@pytest.mark.parametrize("mode", MODES)
def test_what_a_first_frame_decides_is_what_it_would_get(operation: Any, mode: str) -> None:
    image = applied(gradient(mode, (40, 30)), {"extend": {"left": 5, "background": "#112233"}})
    context = Context(10**6)
    given = read({"flip": {"direction": "vertical"}}, operation, {"sepia": {}}, LOOKING[0])
    decided = operations.resolve(given, image, context)
    expected = operations.apply(image, given, context)
    assert operations.apply(image, decided, context).tobytes() == expected.tobytes()


@pytest.mark.parametrize("operation", LOOKING, ids=named)
def test_every_frame_gets_what_the_first_one_decided(operation: Any) -> None:
    first = framed("RGB", WHITE, RED)
    other = framed("RGB", RED, WHITE).transpose(Image.Transpose.ROTATE_180)
    context = Context(10**6)
    decided = operations.resolve(read(operation), first, context)
    again = operations.resolve(decided, other, context)
    assert decided == again
    sizes = {operations.apply(frame, decided, context).size for frame in (first, other)}
    assert len(sizes) == 1
