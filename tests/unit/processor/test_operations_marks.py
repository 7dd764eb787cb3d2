"""Overlays and texts: where they are put, how large, and that nothing of them is cut."""

# ruff: noqa: RUF001  # the letters of other scripts are what is tested

import json
from typing import Any

import pytest
from darkroom_core.vocabulary import COMPASS, Font, Gravity
from darkroom_processor import operations
from darkroom_processor.assignment import read_outputs
from darkroom_processor.documents import Overlay, Source, Text
from darkroom_processor.operations import Context
from darkroom_processor.operations.marks import mark_of, room_for
from darkroom_processor.operations.text import laid_out
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw

LOGO = Image.new("RGBA", (20, 10), (255, 0, 0, 255))
GREY = (90, 90, 90)


def applied(image: Image.Image, *given: dict[str, Any]) -> Image.Image:
    recipe = [{"name": "o", "format": "png", "operations": list(given)}]
    output = read_outputs(json.dumps(recipe))[0]
    return operations.apply(image, output.operations, Context(10**7, {"logo": LOGO}))


def overlay(**settings: Any) -> dict[str, Any]:
    return {"overlay": {"source": {"key": "logo"}, **settings}}


def text(words: str, **settings: Any) -> dict[str, Any]:
    return {"text": {"text": words, **settings}}


def seen(image: Image.Image) -> tuple[int, int, int, int] | None:
    """Return the box of what is not grey, as the paper of these tests is."""
    return ImageChops.difference(image, Image.new("RGB", image.size, GREY)).getbbox()


@pytest.mark.parametrize(
    ("settings", "box"),
    [
        ({}, (80, 50, 100, 60)),
        ({"gravity": "northwest"}, (0, 0, 20, 10)),
        ({"gravity": "center"}, (40, 25, 60, 35)),
        ({"gravity": "southeast", "x": 5, "y": 7}, (75, 43, 95, 53)),
        ({"gravity": "northwest", "x": 5, "y": 7}, (5, 7, 25, 17)),
        ({"gravity": "center", "x": -5, "y": 7}, (35, 32, 55, 42)),
        ({"gravity": "east"}, (80, 25, 100, 35)),
        ({"gravity": "northwest", "x": -5, "y": -7}, (0, 0, 20, 10)),
        ({"gravity": "northwest", "size": 0.5}, (0, 0, 50, 25)),
        ({"gravity": "northwest", "size": 1}, (0, 0, 100, 50)),
        ({"gravity": "northwest", "size": 1, "x": 20}, (20, 0, 100, 40)),
        ({"gravity": "northwest", "angle": 90}, (0, 0, 10, 20)),
        ({"gravity": "west", "x": 99}, (99, 29, 100, 30)),
    ],
)
def test_an_overlay_lies_where_it_says(settings: Any, box: Any) -> None:
    made = applied(Image.new("RGB", (100, 60), GREY), overlay(**settings))
    assert seen(made) == box


def test_an_overlay_that_would_stick_out_is_made_smaller() -> None:
    made = applied(Image.new("RGB", (10, 40), GREY), overlay(gravity="northwest"))
    assert seen(made) == (0, 0, 10, 5)


def test_opacity_mixes_an_overlay_with_the_picture() -> None:
    made = applied(Image.new("RGB", (20, 10), (0, 0, 0)), overlay(opacity=0.5))
    assert made.getpixel((5, 5)) == pytest.approx((128, 0, 0), abs=1)
    untouched = applied(Image.new("RGB", (20, 10), GREY), overlay(opacity=0))
    assert untouched.getcolors() == [(200, GREY)]


def test_an_overlay_shows_on_what_is_transparent() -> None:
    made = applied(Image.new("RGBA", (40, 20)), overlay(gravity="northwest"))
    assert made.mode == "RGBA"
    assert made.getpixel((0, 0)) == (255, 0, 0, 255)
    assert made.getchannel("A").getpixel((30, 15)) == 0


def test_a_tile_is_repeated_whole_over_the_picture() -> None:
    made = applied(
        Image.new("RGB", (100, 60), GREY), overlay(tile=True, spacing=5, gravity="northwest")
    )
    red = made.getchannel("R").point(lambda value: 255 * (value == 255))
    assert sum(red.tobytes()) // 255 == 4 * 4 * 200
    assert red.getbbox() == (2, 2, 97, 57)
    assert made.getpixel((24, 5)) == GREY


def test_colours_appear_on_a_grey_picture_and_grey_stays_grey() -> None:
    assert applied(Image.new("L", (40, 20), 9), overlay()).getpixel((39, 19)) == (255, 0, 0)
    assert applied(Image.new("L", (80, 40), 9), text("x")).mode == "L"


def test_several_overlays_lie_upon_each_other() -> None:
    made = applied(
        Image.new("RGB", (40, 40), GREY),
        overlay(gravity="northwest"),
        overlay(gravity="southeast"),
        text("M", size=0.5, gravity="center"),
    )
    assert made.getpixel((1, 1)) == (255, 0, 0)
    assert made.getpixel((38, 38)) == (255, 0, 0)


def test_a_mark_is_drawn_once_for_all_frames() -> None:
    context = Context(10**6, {"logo": LOGO}, marks={})
    steps = read_outputs(
        json.dumps([{"name": "o", "format": "png", "operations": [overlay(), text("Hi")]}])
    )[0].operations
    frames = [Image.new("RGB", (50, 40), (tone, 0, 0)) for tone in (10, 20)]
    made = [operations.apply(frame, steps, context) for frame in frames]
    kept = context.marks or {}
    assert len(kept) == 2
    plain = [operations.apply(f, steps, Context(10**6, {"logo": LOGO})) for f in frames]
    assert [image.tobytes() for image in made] == [image.tobytes() for image in plain]


places = st.builds(
    lambda gravity, x, y, angle, tile: {
        "gravity": gravity, "x": x, "y": y, "angle": angle, "tile": tile,
    },
    st.sampled_from(COMPASS),
    st.integers(-400, 400),
    st.integers(-400, 400),
    st.one_of(st.just(0.0), st.floats(-360, 360)),
    st.booleans(),
)  # fmt: skip
sizes = st.tuples(st.integers(1, 300), st.integers(1, 300))


@given(places, sizes, sizes)
def test_no_mark_ever_sticks_out(place: Any, size: Any, own: Any) -> None:
    placed = Overlay(Source("logo"), **place)
    mark = mark_of(Image.new("RGBA", own, (255, 0, 0, 255)), placed, size, own)
    assert mark.at[0] >= 0
    assert mark.at[1] >= 0
    assert mark.at[0] + mark.image.width <= size[0]
    assert mark.at[1] + mark.image.height <= size[1]
    assert min(room_for(placed, size)) >= 1


words = st.text(st.sampled_from("abcdefgMWÅÄÖgjpqyfИЖщαβΩ .,-\n©"), min_size=1, max_size=120)


@settings(max_examples=60)
@given(
    words,
    st.sampled_from(Font),
    st.floats(0.005, 1),
    st.floats(0.005, 1),
    st.sampled_from([0.0, 30.0, 90.0]),
    st.booleans(),
)
def test_all_ink_of_a_text_lies_inside_the_picture(
    words: str,
    font: Font,
    size: float,
    longest: float,
    angle: float,
    boxed: bool,  # noqa: FBT001
) -> None:
    settings = Text(
        words, font=font, size=size, max_width=longest, angle=angle,
        background="#00000080" if boxed else None,
    )  # fmt: skip
    block = laid_out(settings, (160, 120))
    whole = "".join(words.split())
    assert "".join("".join(block.lines).split()) == whole
    for line, start in zip(block.lines, block.starts, strict=True):
        left, upper, right, lower = block.font.getbbox(line, anchor="ls")
        assert block.box[0] <= start[0] + left
        assert block.box[1] <= start[1] + upper
        assert start[0] + right <= block.box[2]
        assert start[1] + lower <= block.box[3]


@pytest.mark.parametrize("gravity", ["northwest", "southeast", "center"])
@pytest.mark.parametrize("angle", [0, 17, 90])
@pytest.mark.parametrize("size", [(40, 200), (200, 40), (120, 90), (9, 9)])
def test_the_outermost_ink_of_a_text_is_whole(gravity: str, angle: int, size: Any) -> None:
    words = "Wj Ågy ÄÖ fjord"
    mark = text(words, gravity=gravity, angle=angle, size=0.4)
    inside = applied(Image.new("L", size, 0), mark)
    settings = Text(words, gravity=Gravity(gravity), angle=angle, size=0.4)
    block = laid_out(settings, size)
    room = block.size[0] <= size[0] and block.size[1] <= size[1]
    ink = sum(inside.tobytes())
    assert ink > 0
    if room and angle == 0:
        large = Image.new("L", (block.size[0] + 99, block.size[1] + 99), 0)
        pen = ImageDraw.Draw(large)
        for line, (x, y) in zip(block.lines, block.starts, strict=True):
            pen.text((x + 50 - block.box[0], y + 50), line, 255, block.font, anchor="ls")
        assert ink == pytest.approx(sum(large.tobytes()), rel=0.02)


def test_letters_become_smaller_before_words_are_broken() -> None:
    block = laid_out(Text("wonderful things", size=0.5), (100, 60))
    assert block.lines == ("wonderful", "things")


def test_words_that_are_too_long_are_broken() -> None:
    word = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz"
    block = laid_out(Text(word, size=0.2), (120, 120))
    assert len(block.lines) > 1
    assert "".join(block.lines) == word


def test_a_line_break_begins_a_new_line() -> None:
    assert laid_out(Text("a\nb\r\nc", size=0.1), (200, 200)).lines == ("a", "b", "c")


def test_a_line_is_as_high_as_it_says() -> None:
    block = laid_out(Text("A", size=0.2), (1000, 1000))
    assert block.size[1] == pytest.approx(200, abs=6)


def test_lines_are_aligned() -> None:
    def starts(align: str) -> list[float]:
        recipe = [{"name": "o", "format": "png", "operations": [text("WWW\ni", align=align)]}]
        settings = read_outputs(json.dumps(recipe))[0].operations[0].text
        assert settings
        return [x for x, _ in laid_out(settings, (400, 400)).starts]

    left, center, right = starts("left"), starts("center"), starts("right")
    assert left == [0, 0]
    assert center[0] == 0 == right[0]
    assert 0 < center[1] == pytest.approx(right[1] / 2)


def test_a_box_lies_behind_all_of_a_text() -> None:
    made = applied(
        Image.new("RGB", (200, 100), GREY),
        text("Hello", size=0.3, background="#ff0000", color="#00ff00", gravity="center"),
    )
    box = seen(made)
    assert box is not None
    assert made.getpixel(box[:2]) == (255, 0, 0)
    letters = made.getchannel("G").point(lambda value: 255 * (value > 95)).getbbox()
    assert letters is not None
    assert all(inner - outer > 2 for inner, outer in zip(letters[:2], box[:2], strict=True))
    assert all(outer - inner > 2 for inner, outer in zip(letters[2:], box[2:], strict=True))


@pytest.mark.parametrize("font", Font)
@pytest.mark.parametrize("letter", "aäñşЖщАαΩΐ€©→½")
def test_every_font_has_the_letters_of_latin_cyrillic_and_greek(font: Font, letter: str) -> None:
    def ink(of: str) -> bytes:
        return bytes(laid_out(Text(of, font=font, size=0.5), (64, 64)).font.getmask(of))

    assert ink(letter) != ink("\uffff")
    assert ink(letter) != ink("\u4e2d")


def test_a_text_of_nothing_that_can_be_seen_changes_nothing() -> None:
    image = Image.new("RGB", (30, 20), GREY)
    for nothing in " ", "\n\n", "\u200b", "\x00\x07":
        assert applied(image, text(nothing)).getcolors() == [(600, GREY)]
