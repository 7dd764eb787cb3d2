"""JPEG decoded at a reduced scale looks like JPEG decoded whole."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from darkroom_processor.assignment import read_outputs
from darkroom_processor.documents import Output
from darkroom_processor.image.render import OVERSAMPLING, draft_for
from PIL import Image, ImageChops, ImageStat

Run = Callable[..., list[Image.Image]]


def outputs_of(*operations: list[Any]) -> tuple[Output, ...]:
    return read_outputs(
        json.dumps(
            [{"name": f"o{i}", "format": "jpeg", "operations": o} for i, o in enumerate(operations)]
        )
    )


SMALL = {"resize": {"width": 100, "height": 100}}
TURN = {"rotate": {"angle": 90}}


@pytest.mark.parametrize(
    ("operations", "size"),
    [
        ([[SMALL]], (100, 75)),
        ([[TURN, SMALL]], (100, 75)),
        ([[SMALL], [{"resize": {"width": 500}}]], (500, 375)),
        ([[{"resize": {"width": 100, "height": 100, "fit": "cover"}}]], (133.3, 100)),
        ([[SMALL], [{"crop": {"width": 9, "height": 9}}, SMALL]], None),
        ([[{"crop": {"aspect": "1:1"}}, SMALL]], (133.3, 100)),
        ([[{"crop": {"width": 2000, "height": 1500, "gravity": "entropy"}}, SMALL]], (200, 150)),
        ([[{"crop": {"x": 0, "y": 0, "width": 400, "height": 300}}, SMALL]], (1000, 750)),
        ([[{"trim": {}}, SMALL]], None),
        ([[{"resize": {"width": 100, "filter": "nearest"}}]], None),
        ([[{"rotate": {"angle": 3}}, SMALL]], None),
        ([[SMALL], []], None),
    ],
)
def test_as_little_is_decoded_as_every_output_allows(operations: Any, size: Any) -> None:
    expected = size and tuple(math.ceil(OVERSAMPLING * side) for side in size)
    assert expected == draft_for(outputs_of(*operations), (4000, 3000), 1).size


def test_the_size_is_swapped_for_a_picture_that_lies_on_its_side() -> None:
    assert draft_for(outputs_of([{"resize": {"width": 90}}]), (4000, 3000), 6).size == (
        math.ceil(OVERSAMPLING * 120),
        math.ceil(OVERSAMPLING * 90),
    )


def test_colours_are_not_decoded_where_no_output_has_any() -> None:
    assert draft_for(outputs_of([SMALL, {"grayscale": {}}]), (4000, 3000), 1).gray
    assert not draft_for(outputs_of([SMALL, {"grayscale": {}}], []), (4000, 3000), 1).gray


@pytest.mark.parametrize(
    "before", [{"sepia": {}}, {"saturation": {"factor": 2}}, {"text": {"text": "x"}}]
)
def test_colours_are_decoded_where_something_looks_at_them_first(before: Any) -> None:
    assert not draft_for(outputs_of([SMALL, before, {"grayscale": {}}]), (4000, 3000), 1).gray


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("fit", ["fit", "cover", "stretch"])
@pytest.mark.parametrize(
    "before",
    [
        [],
        [{"crop": {"x": 301, "y": 77, "width": 700, "height": 703}}],
        [{"crop": {"aspect": "1:1", "gravity": "west"}}, TURN],
        [TURN, {"crop": {"width": 401, "height": 555, "focus": {"x": 0.3, "y": 0.4}}}],
        [{"grayscale": {}}],
    ],
)
def test_a_reduced_decoding_differs_little_from_a_whole_one(
    run: Run, encoded: Any, photograph: Any, fit: str, orientation: int, before: Any
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(photograph(1203, 801), "JPEG", quality=92, exif=exif)
    resize = {"resize": {"width": 123, "height": 77, "fit": fit}}
    (reduced,) = run(data, {"operations": [*before, resize]})
    # A second output that needs every pixel keeps the decoder from reducing.
    whole, _ = run(data, {"operations": [*before, resize]}, {"format": "jpeg"})
    assert (whole.size, whole.mode) == (reduced.size, reduced.mode)
    difference = ImageStat.Stat(ImageChops.difference(whole, reduced)).mean
    assert max(difference) < 3.0
