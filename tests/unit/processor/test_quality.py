"""Quality that is found: like enough, or small enough."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from darkroom_processor.errors import Code, Rejected
from darkroom_processor.image.quality import similarity
from PIL import Image, ImageFilter

Run = Callable[..., list[Image.Image]]
Encoded = Callable[..., bytes]
LOSSY = ["jpeg", "webp", "avif"]


def size_of(folder: Path, name: str) -> int:
    (path,) = (folder / "outputs").glob(f"{name}.*")
    return path.stat().st_size


def test_likeness_is_one_for_the_same_and_less_for_worse(photograph: Any) -> None:
    image = photograph(200, 150)
    assert similarity(image, image.copy()) == pytest.approx(1)
    little = similarity(image, image.filter(ImageFilter.GaussianBlur(1)))
    much = similarity(image, image.filter(ImageFilter.GaussianBlur(4)))
    assert 0 < much < little < 1
    assert similarity(image, image.point(lambda value: 255 - value)) < 0.7


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (2000, 9)])
def test_any_size_can_be_compared(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, (9, 80, 7))
    assert similarity(image, image) == pytest.approx(1)


@pytest.mark.parametrize("format_", LOSSY)
def test_the_file_is_as_similar_as_wanted_and_no_larger(
    run: Run, encoded: Encoded, tmp_path: Path, photograph: Any, format_: str
) -> None:
    data = encoded(photograph(160, 120), "PNG")
    source, low, high = run(
        data,
        {},
        {"format": format_, "similarity": 0.9},
        {"format": format_, "similarity": 0.98},
    )
    assert similarity(source, low) >= 0.9
    assert similarity(source, high) >= 0.98
    assert size_of(tmp_path, "o1") < size_of(tmp_path, "o2")


def test_what_is_transparent_does_not_count(photograph: Any) -> None:
    image = photograph(80, 60).convert("RGBA")
    image.putalpha(Image.new("L", image.size).resize((80, 60)))
    other = Image.new("RGBA", image.size, (0, 0, 0, 0))
    assert similarity(image, other) == pytest.approx(1)


@pytest.mark.parametrize("format_", LOSSY)
def test_the_file_has_the_best_quality_that_fits(
    run: Run, encoded: Encoded, tmp_path: Path, photograph: Any, format_: str
) -> None:
    data = encoded(photograph(160, 120), "PNG")
    run(data, {"format": format_}, {"format": format_, "quality": 1})
    usual, least = size_of(tmp_path, "o0"), size_of(tmp_path, "o1")
    most = (usual + least) // 2
    run(data, {"format": format_}, {"format": format_, "maxBytes": max(256, most)})
    assert size_of(tmp_path, "o1") <= max(256, most)
    roomy = {"format": format_, "maxBytes": usual}
    run(data, {"format": format_}, roomy)
    assert size_of(tmp_path, "o1") == usual


@pytest.mark.parametrize("recipe", [{"format": "jpeg"}, {"format": "webp", "lossless": True}])
def test_what_cannot_fit_is_refused(run: Run, encoded: Encoded, recipe: Any) -> None:
    noise = Image.effect_noise((300, 300), 120)
    with pytest.raises(Rejected, match="maxBytes of 256") as refused:
        run(encoded(noise, "PNG"), {**recipe, "maxBytes": 256})
    assert refused.value.code is Code.OUTPUT_TOO_LARGE


def test_more_effort_makes_smaller_files(
    run: Run, encoded: Encoded, tmp_path: Path, photograph: Any
) -> None:
    data = encoded(photograph(200, 150), "PNG")
    for number, format_ in enumerate(("webp", "avif", "png")):
        low, high = f"low{number}", f"high{number}"
        recipe = {"format": format_}
        run(data, {**recipe, "name": low, "effort": 0}, {**recipe, "name": high, "effort": 9})
        assert size_of(tmp_path, high) <= size_of(tmp_path, low)
