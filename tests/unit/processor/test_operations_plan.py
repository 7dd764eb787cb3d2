"""The order that costs least makes the same picture as the order that was written."""

import json
from typing import Any

from darkroom_processor import operations
from darkroom_processor.assignment import read_outputs
from darkroom_processor.errors import ProcessingError
from darkroom_processor.image.decode import Base
from darkroom_processor.image.render import draft_for, plan_for, render
from darkroom_processor.operations import Context
from darkroom_processor.operations.turn import ORIENTATIONS, before, size_after
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat
from PIL.Image import Transpose

SIZE = (120, 84)
sides = st.integers(12, 90)
gravities = st.sampled_from(["center", "north", "southeast", "west"])
turns: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(["horizontal", "vertical"]).map(lambda d: {"flip": {"direction": d}}),
    st.sampled_from([90, 180, 270, -90]).map(lambda a: {"rotate": {"angle": a}}),
    st.just({"grayscale": {}}),
)
crops = st.one_of(
    st.builds(
        lambda x, y, w, h: {"crop": {"x": x, "y": y, "width": w, "height": h}},
        st.integers(0, 40), st.integers(0, 40), st.integers(30, 90), st.integers(30, 90),
    ),
    st.builds(
        lambda a, g: {"crop": {"aspect": a, "gravity": g}},
        st.sampled_from(["1:1", "16:9", "2:3"]), gravities,
    ),
)  # fmt: skip
resizes = st.builds(
    lambda w, h, fit, gravity, enlarge: {
        "resize": {"width": w, "height": h, "fit": fit, "gravity": gravity, "enlarge": enlarge}
    },
    sides,
    sides,
    st.sampled_from(["fit", "outside", "cover", "contain", "pad", "stretch"]),
    gravities,
    st.booleans(),
)
chains = st.tuples(
    st.lists(turns | crops, max_size=4), resizes, st.lists(turns | crops, max_size=2)
)


def scene() -> Image.Image:
    gradient = Image.linear_gradient("L").resize(SIZE)
    flat = Image.new("L", SIZE, 90)
    image = Image.merge("RGB", [gradient, gradient.transpose(Transpose.ROTATE_180), flat])
    image.paste((230, 40, 40), (10, 12, 50, 40))
    image.paste((40, 40, 230), (70, 30, 111, 77))
    return image


def steps_of(chain: Any) -> list[Any]:
    before_, resize, after = chain
    return [*before_, resize, *after]


@settings(max_examples=300)
@given(chains, st.sampled_from([1, *ORIENTATIONS]))
def test_the_order_that_costs_least_makes_the_same_picture(chain: Any, orientation: int) -> None:
    recipe = [{"name": "o", "format": "png", "operations": steps_of(chain)}]
    (output,) = read_outputs(json.dumps(recipe))
    image = scene()
    upright = image
    if orientation in ORIENTATIONS:
        upright = image.transpose(ORIENTATIONS[orientation])
    try:
        expected = operations.apply(upright, output.operations, Context(10**6))
    except ProcessingError:
        reject()
    actual = render(Base(image, SIZE, 1.0, orientation, None), output, 10**6)
    assert expected.size == actual.size
    assert expected.mode == actual.mode
    difference = ImageChops.difference(expected.convert("RGB"), actual.convert("RGB"))
    # Turned pixels are averaged in blocks that begin at the other side.
    assert max(ImageStat.Stat(difference).mean) < 4


@settings(max_examples=200)
@given(chains, st.sampled_from([1, *ORIENTATIONS]), st.sampled_from([2, 4, 8]))
def test_a_plan_asks_for_at_least_the_pixels_that_it_makes(
    chain: Any, orientation: int, factor: int
) -> None:
    recipe = [{"name": "o", "format": "jpeg", "operations": steps_of(chain)}]
    outputs = read_outputs(json.dumps(recipe))
    size = (SIZE[0] * factor, SIZE[1] * factor)
    try:
        plan = plan_for(outputs[0], size, orientation)
        draft = draft_for(outputs, size, orientation)
    except ProcessingError:
        reject()
    left, upper, right, lower = plan.box
    assert -1e-6 <= left < right <= size[0] + 1e-6
    assert -1e-6 <= upper < lower <= size[1] + 1e-6
    scale = draft.size[0] / size[0] if draft.size else 1
    assert plan.size[0] <= max(plan.size[0] if scale == 1 else 0, (right - left) * scale + 1)
    assert plan.size[1] <= max(plan.size[1] if scale == 1 else 0, (lower - upper) * scale + 1)


@given(
    st.lists(st.sampled_from(Transpose), max_size=4),
    st.integers(0, 19),
    st.integers(0, 11),
    st.integers(1, 8),
    st.integers(1, 8),
)
def test_where_a_part_was_before_its_turns_is_where_its_pixels_were(
    turned: list[Transpose], x: int, y: int, width: int, height: int
) -> None:
    image = Image.new("L", (20, 12))
    image.putdata(list(range(240)))
    made = image
    for turn in turned:
        made = made.transpose(turn)
    assert made.size == size_after(turned, 20, 12)
    box = (min(x, made.width - 1), min(y, made.height - 1))
    part = (*box, min(made.width, box[0] + width), min(made.height, box[1] + height))
    left, upper, right, lower = before(turned, part, 20, 12)
    there = image.crop((round(left), round(upper), round(right), round(lower)))
    assert sorted(there.tobytes()) == sorted(made.crop(part).tobytes())
