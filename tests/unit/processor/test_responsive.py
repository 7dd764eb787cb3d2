"""Responsive sets: many files of one output, and the HTML that chooses among them."""

import html.parser
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from darkroom_processor.documents import Report
from darkroom_processor.local import LocalFiles
from darkroom_processor.tasks import process
from PIL import Image

Encoded = Callable[..., bytes]
Make = Callable[..., tuple[Report, Path]]


@pytest.fixture
def make(tmp_path: Path, encoded: Encoded, assignment_of: Any) -> Make:
    def make_(image: Any, *outputs: Any, **settings: Any) -> tuple[Report, Path]:
        source = tmp_path / "source"
        if not isinstance(image, bytes):
            image = encoded(image, settings.pop("source", "PNG"), **settings)
        source.write_bytes(image)
        folder = tmp_path / "made"
        return process(assignment_of(source, *outputs), LocalFiles(folder), str(tmp_path)), folder

    return make_


def a_set(**settings: Any) -> dict[str, Any]:
    responsive = {"widths": [40, 80, 160], "formats": ["avif", "webp", "jpeg"], **settings}
    return {"name": "hero", "format": "html", "responsive": responsive}


class Tags(html.parser.HTMLParser):
    """The tags of a text, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_a_set_has_every_width_in_every_format(make: Make, photograph: Any) -> None:
    report, folder = make(photograph(160, 100), a_set())
    names = [output.name for output in report.outputs]
    assert names == [
        "hero",
        *(f"hero-{width}-{each}" for each in ("avif", "webp", "jpeg") for width in (40, 80, 160)),
    ]
    for output in report.outputs[1:]:
        (path,) = folder.glob(f"{output.name}.*")
        with Image.open(path) as image:
            assert image.size == (output.width, output.height)
            assert image.width == int(output.name.split("-")[1])


def test_the_snippet_lets_a_browser_choose(make: Make, photograph: Any) -> None:
    _, folder = make(
        photograph(160, 100), a_set(sizes="(min-width: 60em) 50vw", alt="A hill", urlPrefix="/i/")
    )
    picture, *sources, img = Tags((folder / "hero.html").read_text()).found
    assert picture[0] == "picture"
    assert [source["type"] for _, source in sources] == ["image/avif", "image/webp"]
    assert sources[0][1]["srcset"] == (
        "/i/hero-40-avif.avif 40w, /i/hero-80-avif.avif 80w, /i/hero-160-avif.avif 160w"
    )
    assert img[1] == {
        "src": "/i/hero-160-jpeg.jpg",
        "srcset": ("/i/hero-40-jpeg.jpg 40w, /i/hero-80-jpeg.jpg 80w, /i/hero-160-jpeg.jpg 160w"),
        "sizes": "(min-width: 60em) 50vw",
        "width": "160",
        "height": "100",
        "alt": "A hill",
        "loading": "lazy",
        "decoding": "async",
    }


@pytest.mark.parametrize(
    "operations", [[], [{"sharpen": {}}], [{"crop": {"width": 90, "height": 50}}]]
)
def test_widths_beyond_the_picture_are_left_out(
    make: Make, photograph: Any, operations: Any
) -> None:
    recipe = {**a_set(), "operations": operations}
    report, _ = make(photograph(100, 60), recipe)
    assert {output.width for output in report.outputs[1:]} == {40, 80}


def test_the_smallest_width_is_always_made(make: Make, photograph: Any) -> None:
    report, folder = make(photograph(30, 20), a_set())
    assert [(output.name, output.width) for output in report.outputs[1:]] == [
        ("hero-40-avif", 30),
        ("hero-40-webp", 30),
        ("hero-40-jpeg", 30),
    ]
    assert "hero-40-jpeg.jpg 30w" in (folder / "hero.html").read_text()


def test_a_picture_that_lies_on_its_side_is_measured_upright(make: Make, photograph: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    report, _ = make(photograph(160, 100), a_set(), source="JPEG", exif=exif)
    assert {(output.width, output.height) for output in report.outputs[1:]} == {
        (40, 64),
        (80, 128),
    }


@pytest.mark.parametrize("place", ["before", "behind"])
def test_so_is_one_that_says_it_behind_its_pixels(
    make: Make, photograph: Any, encoded: Encoded, place: str
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(photograph(100, 160), "PNG", exif=exif)
    if place == "behind":
        at = data.index(b"eXIf") - 4
        length = int.from_bytes(data[at : at + 4], "big") + 12
        chunk = data[at : at + length]
        data = data[:at] + data[at + length : -12] + chunk + data[-12:]
    report, _ = make(data, a_set())
    assert {output.width for output in report.outputs[1:]} == {40, 80, 160}


def test_widths_come_in_any_order(make: Make, photograph: Any) -> None:
    report, _ = make(photograph(160, 100), a_set(widths=[160, 40], formats=["jpeg"]))
    assert [(o.name, o.width) for o in report.outputs[1:]] == [
        ("hero-160-jpeg", 160),
        ("hero-40-jpeg", 40),
    ]


def test_what_users_write_cannot_leave_its_attribute(make: Make, photograph: Any) -> None:
    evil = "\"'><script>alert(1)</script>&"
    _, folder = make(photograph(50, 40), a_set(alt=evil, sizes=evil, urlPrefix=evil))
    tags = Tags((folder / "hero.html").read_text()).found
    assert [tag for tag, _ in tags] == ["picture", "source", "source", "img"]
    assert tags[-1][1]["alt"] == evil
    assert tags[-1][1]["sizes"] == evil


def test_settings_go_to_the_formats_that_have_them(make: Make, photograph: Any) -> None:
    recipe = {**a_set(widths=[40]), "progressive": True, "lossless": True, "effort": 2}
    _, folder = make(photograph(60, 40), recipe)
    with Image.open(folder / "hero-40-jpeg.jpg") as image:
        assert image.info["progressive"] == 1


def test_facts_tell_of_every_file_of_a_set(
    tmp_path: Path, encoded: Encoded, photograph: Any, assignment_of: Any
) -> None:
    from darkroom_processor.documents import SignedRequest  # noqa: PLC0415

    source = tmp_path / "source"
    source.write_bytes(encoded(photograph(50, 40), "JPEG"))
    assigned = assignment_of(source, a_set(), facts=SignedRequest(""))
    report = process(assigned, LocalFiles(tmp_path / "made"), str(tmp_path))
    facts = json.loads((tmp_path / "made" / "facts.json").read_text())
    assert [each["name"] for each in facts["outputs"]] == [o.name for o in report.outputs]
