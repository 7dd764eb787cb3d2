"""What each operation makes of one small picture, compared with what somebody has looked at.

With DARKROOM_WRITE_GOLDEN=1 the pictures are written anew; look at each of them then.
"""

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest
from darkroom_processor import operations
from darkroom_processor.assignment import read_outputs
from darkroom_processor.operations import Context
from PIL import Image, ImageChops, ImageStat

GOLDEN: Final = Path(__file__).parents[2] / "golden"
SOURCES: Final = ("source", "clear", "framed")
# Codecs and FreeType may round differently elsewhere; a pixel at an edge may move.
MEAN, MOST = 1.5, 60
LOGO: Final = {"source": {"key": "logo"}}
PAD: Final = {"width": 40, "height": 40, "fit": "pad", "background": "#204060"}

CASES: Final[dict[str, list[dict[str, Any]]]] = {
    "resize-fit": [{"resize": {"width": 36, "height": 36}}],
    "resize-outside": [{"resize": {"width": 36, "height": 36, "fit": "outside"}}],
    "resize-cover": [{"resize": {"width": 32, "height": 32, "fit": "cover"}}],
    "resize-cover-attention": [
        {"resize": {"width": 24, "height": 36, "fit": "cover", "gravity": "attention"}}
    ],
    "resize-cover-focus": [
        {"resize": {"width": 24, "height": 36, "fit": "cover", "focus": {"x": 0.8, "y": 0.2}}}
    ],
    "resize-contain": [{"resize": {"width": 40, "height": 40, "fit": "contain"}}],
    "resize-pad": [{"resize": PAD}],
    "resize-pad-north": [{"resize": {**PAD, "gravity": "north"}}],
    "resize-stretch": [{"resize": {"width": 24, "height": 48, "fit": "stretch"}}],
    "resize-nearest": [{"resize": {"width": 24, "filter": "nearest"}}],
    "resize-enlarge": [
        {"crop": {"x": 8, "y": 22, "width": 22, "height": 20}},
        {"resize": {"width": 66, "enlarge": True}},
    ],
    "crop-box": [{"crop": {"x": 8, "y": 22, "width": 22, "height": 20}}],
    "crop-southeast": [{"crop": {"width": 30, "height": 24, "gravity": "southeast"}}],
    "crop-aspect": [{"crop": {"aspect": "1:1", "gravity": "west"}}],
    "crop-entropy": [{"crop": {"width": 24, "height": 24, "gravity": "entropy"}}],
    "crop-attention": [{"crop": {"width": 24, "height": 24, "gravity": "attention"}}],
    "framed-trim": [{"trim": {}}],
    "extend": [{"extend": {"top": 2, "right": 4, "bottom": 6, "left": 8, "background": "#88aa00"}}],
    "extend-transparent": [{"extend": {"left": 12, "background": "#00000000"}}],
    "rotate-90": [{"rotate": {"angle": 90}}],
    "rotate-20": [{"rotate": {"angle": 20, "background": "#203040"}}],
    "clear-rotate-20": [{"rotate": {"angle": -20, "background": "#00000000"}}],
    "flip-horizontal": [{"flip": {"direction": "horizontal"}}],
    "flip-vertical": [{"flip": {"direction": "vertical"}}],
    "border": [{"border": {"width": 3, "color": "#c02020"}}],
    "round-corners": [{"roundCorners": {"radius": 12}}],
    "circle": [{"circle": {}}],
    "clear-flatten": [{"flatten": {"background": "#ffd040"}}],
    "grayscale": [{"grayscale": {}}],
    "clear-grayscale": [{"grayscale": {}}],
    "sepia": [{"sepia": {}}],
    "tint": [{"tint": {"color": "#3366cc"}}],
    "brightness": [{"brightness": {"factor": 1.4}}],
    "contrast": [{"contrast": {"factor": 1.6}}],
    "saturation": [{"saturation": {"factor": 2}}],
    "gamma": [{"gamma": {"gamma": 1.8}}],
    "clear-invert": [{"invert": {}}],
    "normalize": [{"contrast": {"factor": 0.4}}, {"normalize": {}}],
    "posterize": [{"posterize": {"bits": 2}}],
    "vignette": [{"vignette": {"amount": 0.9, "radius": 0.3}}],
    "blur": [{"blur": {"sigma": 2}}],
    "clear-blur": [{"blur": {"sigma": 3}}],
    "sharpen": [{"sharpen": {"amount": 2}}],
    "clear-unsharp": [{"unsharp": {"radius": 2, "percent": 200}}],
    "pixelate": [{"pixelate": {"size": 6}}],
    "overlay": [{"overlay": {**LOGO, "size": 0.3, "x": 3, "y": 3}}],
    "overlay-turned": [
        {"overlay": {**LOGO, "size": 0.6, "gravity": "center", "angle": 30, "opacity": 0.6}}
    ],
    "overlay-tile": [{"overlay": {**LOGO, "size": 0.2, "tile": True, "spacing": 4}}],
    "text": [{"text": {"text": "© Darkroom", "size": 0.2, "x": 2, "y": 2}}],
    "text-box": [
        {
            "text": {
                "text": "Ελλάδα и Україна",
                "font": "serif",
                "size": 0.3,
                "gravity": "center",
                "align": "center",
                "background": "#00000090",
            }
        }
    ],
    "text-turned": [
        {
            "text": {
                "text": "DRAFT",
                "font": "sans-bold",
                "size": 0.5,
                "gravity": "center",
                "angle": -30,
                "opacity": 0.7,
            }
        }
    ],
    "text-tile": [
        {"text": {"text": "mono", "font": "mono", "size": 0.2, "tile": True, "spacing": 4}}
    ],
}


def picture(name: str) -> Image.Image:
    with Image.open(GOLDEN / f"{name}.png") as file:
        return file.copy()


def made(name: str) -> Image.Image:
    recipe = [{"name": "o", "format": "png", "operations": CASES[name]}]
    (output,) = read_outputs(json.dumps(recipe))
    source = next((s for s in SOURCES if name.startswith(s)), "source")
    logo = picture("clear").crop((6, 0, 66, 48))
    context = Context(10**5, {"logo": logo})
    return operations.apply(picture(source), output.operations, context)


@pytest.mark.parametrize("name", CASES)
def test_an_operation_makes_what_somebody_has_looked_at(name: str) -> None:
    actual = made(name)
    if os.environ.get("DARKROOM_WRITE_GOLDEN"):
        actual.save(GOLDEN / f"{name}.png", optimize=True)
    expected = picture(name)
    assert (expected.size, expected.mode) == (actual.size, actual.mode)
    # What is transparent has no colour that could differ.
    seen = [image.convert("RGBA").convert("RGBa") for image in (expected, actual)]
    for band in ImageChops.difference(*seen).split():
        assert ImageStat.Stat(band).mean[0] <= MEAN
        assert max(band.tobytes()) <= MOST


def test_every_operation_and_every_golden_picture_is_compared() -> None:
    done = {name for steps in CASES.values() for step in steps for name in step}
    assert {name.replace("_", "").lower() for name in operations.MODULES} == {
        name.lower() for name in done
    }
    assert {path.stem for path in GOLDEN.glob("*.png")} == {*CASES, *SOURCES}
    assert sum(path.stat().st_size for path in GOLDEN.glob("*.png")) < 200_000
