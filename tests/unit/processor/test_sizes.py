"""Laws of sizes, over all sizes a user can ask for."""

# ruff: noqa: FBT001  # hypothesis gives values, not keywords

import math

import pytest
from darkroom_core.vocabulary import COMPASS, Fit, Gravity
from darkroom_processor.documents import Crop, Point, Resize
from darkroom_processor.operations.geometry import place, rotated_size, window
from hypothesis import given
from hypothesis import strategies as st

sides = st.integers(1, 16_384)
fits = st.sampled_from(Fit)
gravities = st.sampled_from(Gravity)
fractions = st.floats(0, 1)
points = st.none() | st.builds(Point, fractions, fractions)


@given(sides, sides, sides, sides, fits, st.booleans())
def test_no_side_is_ever_shorter_than_a_pixel_or_longer_than_the_box(
    width: int, height: int, box_width: int, box_height: int, fit: Fit, enlarge: bool
) -> None:
    placement = place(Resize(box_width, box_height, fit=fit, enlarge=enlarge), width, height)
    for size in (placement.size, placement.result):
        assert min(size) >= 1
        if fit is not Fit.OUTSIDE:
            assert size[0] <= box_width or size == (width, height)
            assert size[1] <= box_height or size == (width, height)


@given(sides, sides, sides, sides, fits, gravities, points)
def test_without_enlarge_nothing_is_enlarged(
    width: int,
    height: int,
    box_width: int,
    box_height: int,
    fit: Fit,
    gravity: Gravity,
    focus: Point | None,
) -> None:
    resize = Resize(box_width, box_height, fit=fit, gravity=gravity, focus=focus)
    placement = place(resize, width, height)
    left, upper, right, lower = placement.box
    assert placement.size[0] <= math.ceil(right - left)
    assert placement.size[1] <= math.ceil(lower - upper)


@given(sides, sides, sides, sides, st.sampled_from([Fit.FIT, Fit.CONTAIN, Fit.PAD]), st.booleans())
def test_what_is_fitted_keeps_its_aspect_ratio_to_the_pixel(
    width: int, height: int, box_width: int, box_height: int, fit: Fit, enlarge: bool
) -> None:
    made = place(Resize(box_width, box_height, fit=fit, enlarge=enlarge), width, height).size
    scale = min(box_width / width, box_height / height)
    scale = scale if enlarge else min(1, scale)
    assert abs(made[0] - max(1, width * scale)) <= 0.5 + 1e-6
    assert abs(made[1] - max(1, height * scale)) <= 0.5 + 1e-6


@given(sides, sides, sides, sides)
def test_outside_covers_the_box_and_touches_it(
    width: int, height: int, box_width: int, box_height: int
) -> None:
    made = place(Resize(box_width, box_height, fit=Fit.OUTSIDE, enlarge=True), width, height).size
    scale = max(box_width / width, box_height / height)
    assert made[0] >= box_width
    assert made[1] >= box_height
    assert made[0] == box_width or made[1] == box_height
    assert abs(made[0] - min(2**17, width * scale)) <= 1
    assert abs(made[1] - min(2**17, height * scale)) <= 1


@given(sides, sides, sides, sides)
def test_outside_keeps_what_is_smaller_than_the_box(
    width: int, height: int, box_width: int, box_height: int
) -> None:
    made = place(Resize(box_width, box_height, fit=Fit.OUTSIDE), width, height).size
    assert made == (width, height) or (made[0] >= box_width and made[1] >= box_height)


@given(sides, sides, sides, sides)
def test_enlarging_brings_every_fit_to_the_box(
    width: int, height: int, box_width: int, box_height: int
) -> None:
    def result(fit: Fit) -> tuple[int, int]:
        resize = Resize(box_width, box_height, fit=fit, enlarge=True)
        return place(resize, width, height).result

    box = (box_width, box_height)
    assert [box] * 4 == [result(f) for f in (Fit.COVER, Fit.CONTAIN, Fit.PAD, Fit.STRETCH)]
    assert any(a == b for a, b in zip(result(Fit.FIT), box, strict=True))


@given(sides, sides, sides, sides, st.booleans(), gravities, points)
def test_cover_lies_inside_the_picture_and_keeps_the_aspect_ratio(
    width: int,
    height: int,
    box_width: int,
    box_height: int,
    enlarge: bool,
    gravity: Gravity,
    focus: Point | None,
) -> None:
    resize = Resize(
        box_width, box_height, fit=Fit.COVER, enlarge=enlarge, gravity=gravity, focus=focus
    )
    left, upper, right, lower = place(resize, width, height).box
    assert left >= 0
    assert upper >= 0
    assert right <= width + 1e-6
    assert lower <= height + 1e-6
    assert min(left + width - right, upper + height - lower) == pytest.approx(0, abs=1e-6)
    if min(right - left, lower - upper) > 1.001:
        ratio = (right - left) / (lower - upper)
        assert ratio == pytest.approx(box_width / box_height, rel=1e-6)


@given(sides, sides, sides, sides)
def test_the_middle_is_cut_evenly(width: int, height: int, box_width: int, box_height: int) -> None:
    placement = place(Resize(box_width, box_height, fit=Fit.COVER), width, height)
    left, upper, right, lower = placement.box
    assert left == pytest.approx(width - right, abs=1e-6)
    assert upper == pytest.approx(height - lower, abs=1e-6)


@given(sides, sides, sides, sides, fractions, fractions)
def test_a_focus_is_in_what_cover_keeps(
    width: int, height: int, box_width: int, box_height: int, x: float, y: float
) -> None:
    resize = Resize(box_width, box_height, fit=Fit.COVER, focus=Point(x, y))
    left, upper, right, lower = place(resize, width, height).box
    assert left - 1e-6 <= x * width <= right + 1e-6
    assert upper - 1e-6 <= y * height <= lower + 1e-6


@given(sides, sides, sides, fits, st.booleans(), st.booleans())
def test_with_one_side_every_fit_scales_to_it(
    width: int, height: int, side: int, fit: Fit, enlarge: bool, by_width: bool
) -> None:
    wanted = Resize(
        side if by_width else None, None if by_width else side, fit=fit, enlarge=enlarge
    )
    placement = place(wanted, width, height)
    of, other = (width, height) if by_width else (height, width)
    expected = side if enlarge else min(side, of)
    made = placement.result if by_width else placement.result[::-1]
    assert made == (expected, min(2**17, max(1, round(other * (expected / of)))))


@given(sides, sides, st.floats(0.001, 16), st.floats(0.25, 8))
def test_a_scale_multiplies_both_sides(width: int, height: int, scale: float, dpr: float) -> None:
    made = place(Resize(scale=scale, dpr=dpr), width, height).result
    wanted = (width * scale * dpr, height * scale * dpr)
    for side, length in zip(made, wanted, strict=True):
        assert side == min(2**17, max(1, round(length)))


@given(sides, sides, sides, sides, fits, st.sampled_from([0.5, 1.5, 2, 3]))
def test_a_device_pixel_ratio_is_a_larger_box(
    width: int, height: int, box_width: int, box_height: int, fit: Fit, dpr: float
) -> None:
    larger = (max(1, round(box_width * dpr)), max(1, round(box_height * dpr)))
    assert place(Resize(*larger, fit=fit), width, height) == place(
        Resize(box_width, box_height, fit=fit, dpr=dpr), width, height
    )


@given(sides, sides, sides, sides, st.sampled_from(COMPASS))
def test_gravity_puts_a_fitted_picture_at_its_edges_of_the_canvas(
    width: int, height: int, box_width: int, box_height: int, gravity: Gravity
) -> None:
    resize = Resize(box_width, box_height, fit=Fit.PAD, gravity=gravity)
    placement = place(resize, width, height)
    spare = (box_width - placement.size[0], box_height - placement.size[1])
    assert 0 <= placement.at[0] <= spare[0]
    assert 0 <= placement.at[1] <= spare[1]
    if "west" in gravity:
        assert placement.at[0] == 0
    if "east" in gravity:
        assert placement.at[0] == spare[0]
    if "north" in gravity:
        assert placement.at[1] == 0
    if "south" in gravity:
        assert placement.at[1] == spare[1]


@pytest.mark.parametrize(
    ("resize", "source", "expected"),
    [
        (Resize(512, 512), (4000, 3000), (512, 384)),
        (Resize(512, 512), (300, 200), (300, 200)),
        (Resize(512, 512, fit=Fit.COVER), (4000, 3000), (512, 512)),
        (Resize(200, 100, fit=Fit.COVER), (100, 100), (100, 50)),
        (Resize(512, 512, fit=Fit.CONTAIN), (300, 200), (512, 512)),
        (Resize(512, 100, fit=Fit.STRETCH), (300, 200), (300, 100)),
        (Resize(512, 512, fit=Fit.OUTSIDE), (4000, 3000), (683, 512)),
        (Resize(512, 512, fit=Fit.OUTSIDE), (400, 3000), (400, 3000)),
        (Resize(100, 100, dpr=2), (4000, 3000), (200, 150)),
        (Resize(scale=0.5), (401, 300), (200, 150)),
        (Resize(scale=2), (40, 30), (80, 60)),
        (Resize(width=100), (4000, 1), (100, 1)),
    ],
)
def test_sizes_are_those_of_the_reference(
    resize: Resize, source: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert expected == place(resize, *source).result


@given(sides, sides, sides, sides, gravities, points)
def test_a_crop_by_size_is_of_that_size_where_the_picture_is(
    width: int, height: int, wide: int, high: int, gravity: Gravity, focus: Point | None
) -> None:
    crop = Crop(width=wide, height=high, gravity=gravity, focus=focus)
    left, upper, right, lower = window(crop, width, height)
    assert (right - left, lower - upper) == (min(wide, width), min(high, height))
    assert 0 <= left < right <= width
    assert 0 <= upper < lower <= height


@given(sides, sides, st.integers(1, 9999), st.integers(1, 9999), gravities)
def test_a_crop_by_aspect_is_the_largest_of_that_ratio(
    width: int, height: int, across: int, down: int, gravity: Gravity
) -> None:
    crop = Crop(aspect=f"{across}:{down}", gravity=gravity)
    left, upper, right, lower = window(crop, width, height)
    size = (right - left, lower - upper)
    assert 0 <= left < right <= width
    assert 0 <= upper < lower <= height
    assert size[0] == width or size[1] == height
    ratio = across / down
    assert abs(size[0] - size[1] * ratio) <= max(1, ratio) or 1 in size


@given(sides, sides, sides, sides, sides, sides)
def test_a_crop_by_box_is_the_part_of_it_inside_the_picture(
    width: int, height: int, x: int, y: int, wide: int, high: int
) -> None:
    left, upper, right, lower = window(Crop(x=x, y=y, width=wide, height=high), width, height)
    assert (left, upper) == (x, y)
    assert right == min(width, x + wide)
    assert lower == min(height, y + high)


@given(st.integers(1, 4000), st.integers(1, 4000), st.floats(-360, 360))
def test_a_turned_picture_keeps_its_corners(width: int, height: int, angle: float) -> None:
    turned = rotated_size(width, height, angle)
    way = math.radians(angle)
    for x, y in ((width, height), (width, -height)):
        assert abs(x * math.cos(way) - y * math.sin(way)) <= turned[0] + 1e-5
        assert abs(x * math.sin(way) + y * math.cos(way)) <= turned[1] + 1e-5
    assert turned[0] * turned[1] >= width * height or min(width, height) == 1
    assert max(turned) <= math.hypot(width, height) + 1
