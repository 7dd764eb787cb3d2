"""The other pictures of a task: fetched, checked and decoded like a source."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from darkroom_processor.documents import AssignedSource, SignedRequest
from darkroom_processor.errors import Code, Rejected
from darkroom_processor.local import LocalFiles
from darkroom_processor.tasks import process
from PIL import Image

Encoded = Callable[..., bytes]


@pytest.fixture
def with_logo(
    tmp_path: Path, encoded: Encoded, assignment_of: Any
) -> Callable[[bytes], Image.Image]:
    def run(logo: bytes) -> Image.Image:
        (tmp_path / "source").write_bytes(encoded(Image.new("RGB", (40, 40)), "PNG"))
        (tmp_path / "logo").write_bytes(logo)
        overlay = {"overlay": {"source": {"key": "logo.png"}, "size": 0.5}}
        request = SignedRequest(str(tmp_path / "logo"))
        overlays = (AssignedSource(request, "logo.png"),)
        recipe = {"operations": [overlay]}
        assigned = assignment_of(tmp_path / "source", recipe, overlays=overlays)
        process(assigned, LocalFiles(tmp_path / "made"), str(tmp_path))
        with Image.open(tmp_path / "made" / "o0.png") as image:
            return image.convert("RGB")

    return run


def test_an_overlay_is_put_upon_the_picture(with_logo: Any, encoded: Encoded) -> None:
    image = with_logo(encoded(Image.new("RGBA", (20, 20), (250, 0, 0, 255)), "WEBP", lossless=True))
    assert (250, 0, 0) in [color for _, color in image.getcolors(2000)]


def test_an_overlay_that_is_no_picture_is_refused_by_name(with_logo: Any) -> None:
    with pytest.raises(Rejected, match=r"The overlay logo\.png cannot be used") as refused:
        with_logo(b"<svg/>")
    assert refused.value.code is Code.UNSUPPORTED_FORMAT


def test_an_overlay_of_too_many_pixels_is_refused(with_logo: Any, encoded: Encoded) -> None:
    with pytest.raises(Rejected) as refused:
        with_logo(encoded(Image.new("1", (5001, 5000)), "PNG"))
    assert refused.value.code is Code.TOO_MANY_PIXELS
