"""Laws of sizes, over all sizes a user can ask for."""

# ruff: noqa: FBT001  # hypothesis gives values, not keywords

import math
from typing import Any

import pytest
from darkroom_core.vocabulary import Fit
from darkroom_processor.documents import Resize
from darkroom_processor.operations.geometry import place, rotated_size
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

sides = st.integers(1, 16_384)
fits = st.sampled_from(Fit)


@given(sides, sides, sides, sides, fits, st.booleans())
def test_no_side_is_ever_shorter_than_a_pixel_or_longer_than_the_box(
    width: int, height: int, box_width: int, box_height: int, fit: Fit, enlarge: bool
) -> None:
    placement = place(Resize(box_width, box_height, fit, enlarge), width, height)
    for size in (placement.size, placement.result):
        assert 1 <= size[0] <= box_width or size == (width, height)
        assert 1 <= size[1] <= box_height or size == (width, height)


@given(sides, sides, sides, sides, fits)
def test_without_enlarge_nothing_is_enlarged(
    width: int, height: int, box_width: int, box_height: int, fit: Fit
) -> None:
    placement = place(Resize(box_width, box_height, fit), width, height)
    left, upper, right, lower = placement.box
    assert placement.size[0] <= math.ceil(right - left)
    assert placement.size[1] <= math.ceil(lower - upper)


@given(sides, sides, sides, sides, st.sampled_from([Fit.FIT, Fit.CONTAIN, Fit.PAD]), st.booleans())
def test_what_is_fitted_keeps_its_aspect_ratio_to_the_pixel(
    width: int, height: int, box_width: int, box_height: int, fit: Fit, enlarge: bool
) -> None:
    made = place(Resize(box_width, box_height, fit, enlarge), width, height).size
    scale = min(box_width / width, box_height / height)
    scale = scale if enlarge else min(1, scale)
    assert abs(made[0] - max(1, width * scale)) <= 0.5 + 1e-6
    assert abs(made[1] - max(1, height * scale)) <= 0.5 + 1e-6


@given(sides, sides, sides, sides)
def test_enlarging_brings_every_fit_to_the_box(
    width: int, height: int, box_width: int, box_height: int
) -> None:
    def result(fit: Fit) -> tuple[int, int]:
        return place(Resize(box_width, box_height, fit, enlarge=True), width, height).result

    box = (box_width, box_height)
    assert [box] * 4 == [result(f) for f in (Fit.COVER, Fit.CONTAIN, Fit.PAD, Fit.STRETCH)]
    assert any(a == b for a, b in zip(result(Fit.FIT), box, strict=True))


@given(sides, sides, sides, sides, st.booleans())
def test_cover_cuts_evenly_and_keeps_the_aspect_ratio(
    width: int, height: int, box_width: int, box_height: int, enlarge: bool
) -> None:
    placement = place(Resize(box_width, box_height, Fit.COVER, enlarge), width, height)
    left, upper, right, lower = placement.box
    assert left == pytest.approx(width - right, abs=1e-6)
    assert upper == pytest.approx(height - lower, abs=1e-6)
    assert min(left, upper) == pytest.approx(0, abs=1e-6)
    if min(right - left, lower - upper) > 1:
        ratio = (right - left) / (lower - upper)
        assert ratio == pytest.approx(box_width / box_height, rel=1e-6)


@given(sides, sides, sides, fits, st.booleans(), st.booleans())
def test_with_one_side_every_fit_scales_to_it(
    width: int, height: int, side: int, fit: Fit, enlarge: bool, by_width: bool
) -> None:
    wanted = Resize(side if by_width else None, None if by_width else side, fit, enlarge)
    placement = place(wanted, width, height)
    of, other = (width, height) if by_width else (height, width)
    expected = side if enlarge else min(side, of)
    made = placement.result if by_width else placement.result[::-1]
    assert made == (expected, max(1, round(other * (expected / of))))


@pytest.mark.parametrize(
    ("resize", "source", "expected"),
    [
        (Resize(512, 512), (4000, 3000), (512, 384)),
        (Resize(512, 512), (300, 200), (300, 200)),
        (Resize(512, 512, Fit.COVER), (4000, 3000), (512, 512)),
        (Resize(200, 100, Fit.COVER), (100, 100), (100, 50)),
        (Resize(512, 512, Fit.CONTAIN), (300, 200), (512, 512)),
        (Resize(512, 100, Fit.STRETCH), (300, 200), (300, 100)),
        (Resize(width=100), (4000, 1), (100, 1)),
    ],
)
def test_sizes_are_those_of_the_reference(
    resize: Resize, source: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert expected == place(resize, *source).result


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 359))
def test_the_predicted_size_of_a_turned_picture_holds_the_real_one(
    width: int, height: int, angle: int
) -> None:
    real = Image.new("L", (width, height)).rotate(angle, expand=True).size
    predicted: Any = rotated_size(width, height, angle)
    assert all(0 <= p - r <= 2 for p, r in zip(predicted, real, strict=True))
