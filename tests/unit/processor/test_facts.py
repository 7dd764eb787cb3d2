"""Facts of sources and outputs, as the core's models define them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from darkroom_core.facts import Facts, FileFacts
from darkroom_core.vocabulary import TaskType
from darkroom_processor.documents import Report, SignedRequest
from darkroom_processor.errors import Code, Rejected
from darkroom_processor.local import LocalFiles
from darkroom_processor.tasks import process
from PIL import Image, ImageCms

Encoded = Callable[..., bytes]
Tell = Callable[..., tuple[Report, Facts]]


@pytest.fixture
def tell(tmp_path: Path, assignment_of: Any) -> Tell:
    def tell_(data: bytes, *outputs: Any, **more: Any) -> tuple[Report, Facts]:
        source, folder = tmp_path / "source", tmp_path / "made"
        source.write_bytes(data)
        assigned = assignment_of(source, *outputs, facts=SignedRequest(""), **more)
        report = process(assigned, LocalFiles(folder), str(tmp_path))
        return report, Facts.model_validate_json((folder / "facts.json").read_text())

    return tell_


@pytest.fixture
def inspect(tell: Tell) -> Callable[[bytes], FileFacts]:
    def inspect_(data: bytes) -> FileFacts:
        report, facts = tell(data, type=TaskType.INSPECT)
        (told,) = facts.sources
        assert not facts.outputs
        assert report.source is not None
        assert report.source.sha256 == told.sha256
        return told

    return inspect_


def test_a_source_and_its_outputs_are_told(tell: Tell, encoded: Encoded, photograph: Any) -> None:
    data = encoded(photograph(80, 60), "JPEG")
    resize = {"resize": {"width": 40}}
    report, facts = tell(
        data, {"format": "webp", "operations": [resize]}, {"operations": [{"invert": {}}]}
    )
    (source,) = facts.sources
    assert (source.format, source.width, source.height, source.bytes) == ("jpeg", 80, 60, len(data))
    assert report.source is not None
    assert (report.source.format, report.source.sha256) == ("jpeg", source.sha256)
    small, inverted = facts.outputs
    assert [(o.name, o.bytes, o.sha256) for o in report.outputs] == [
        (told.name, told.bytes, told.sha256) for told in facts.outputs
    ]
    assert (small.width, small.height, small.format) == (40, 30, "webp")
    assert small.blur_hash == source.blur_hash
    assert inverted.blur_hash != source.blur_hash


def test_nothing_is_told_where_nobody_wants_to_know(
    tmp_path: Path, encoded: Encoded, assignment_of: Any
) -> None:
    source = tmp_path / "source"
    source.write_bytes(encoded(Image.new("RGB", (9, 9)), "PNG"))
    report = process(assignment_of(source, {}), LocalFiles(tmp_path / "made"), str(tmp_path))
    assert not (tmp_path / "made" / "facts.json").exists()
    assert report.source is not None
    assert len(report.source.sha256) == 64


def test_a_photograph_says_how_it_was_taken_but_not_where(inspect: Any, encoded: Encoded) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker", "Camera\0 \x07"
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 0.0)
    exif.get_ifd(0x8769).update(
        {0x829A: 0.004, 0x829D: 2.8, 0x8827: 400, 0x920A: 50.0, 0xA434: "Lens"}
    )
    exif.get_ifd(0x8769)[0x9003] = "2026:01:02 03:04:05"
    told = inspect(encoded(Image.new("RGB", (32, 16)), "JPEG", exif=exif))
    assert told.orientation == 6
    assert told.camera is not None
    assert told.camera.document() == {
        "make": "Maker",
        "model": "Camera",
        "lens": "Lens",
        "exposureSeconds": 0.004,
        "fNumber": 2.8,
        "iso": 400,
        "focalLength": 50.0,
        "takenAt": "2026-01-02T03:04:05",
    }
    assert "52" not in told.camera.model_dump_json()


@pytest.mark.parametrize(
    ("mode", "format_", "expected"),
    [
        ("RGB", "JPEG", ("rgb", 8, False)),
        ("L", "PNG", ("gray", 8, False)),
        ("I;16", "PNG", ("gray", 16, False)),
        ("RGBA", "WEBP", ("rgb", 8, True)),
        ("CMYK", "TIFF", ("cmyk", 8, False)),
        ("P", "PNG", ("palette", 8, False)),
        ("LA", "PNG", ("gray", 8, True)),
    ],
)
def test_channels_depth_and_transparency(
    inspect: Any, encoded: Encoded, mode: str, format_: str, expected: Any
) -> None:
    image = Image.new("RGBA", (8, 8), (1, 2, 3, 0)) if mode == "RGBA" else Image.new(mode, (8, 8))
    told = inspect(encoded(image, format_))
    assert (told.mode, told.depth, told.has_alpha) == expected


@pytest.mark.parametrize("format_", ["GIF", "PNG", "WEBP", "AVIF"])
def test_a_moving_picture_has_frames_and_a_length(
    inspect: Any, tell: Tell, encoded: Encoded, format_: str
) -> None:
    frames = [Image.new("RGB", (8, 8), (80 * n, 0, 0)) for n in range(3)]
    times = [100, 250, 400]
    data = encoded(
        frames[0], format_, save_all=True, append_images=frames[1:], duration=times, loop=0
    )
    told = inspect(data)
    assert (told.frames, told.duration_seconds) == (3, 0.75)
    _, facts = tell(data, {"format": "webp"}, {"format": "jpeg"})
    assert [(f.frames, f.duration_seconds) for f in facts.outputs] == [(3, 0.75), (1, None)]


def test_pages_are_counted(inspect: Any, encoded: Encoded) -> None:
    pages = [Image.new("L", (8, 8), n) for n in range(5)]
    told = inspect(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    assert (told.frames, told.duration_seconds) == (5, None)


def test_the_palette_has_the_colours_by_their_share(inspect: Any, encoded: Encoded) -> None:
    image = Image.new("RGB", (40, 40), (200, 0, 0))
    image.paste((0, 0, 200), (0, 0, 40, 10))
    told = inspect(encoded(image, "PNG"))
    assert told.dominant_color == "#c80000"
    assert [(c.color, c.share) for c in told.palette[:2]] == [("#c80000", 0.75), ("#0000c8", 0.25)]


def test_what_is_transparent_has_no_colour(inspect: Any, encoded: Encoded) -> None:
    image = Image.new("RGBA", (20, 20), (0, 255, 0, 0))
    assert inspect(encoded(image, "PNG")).palette == []
    image.paste((9, 9, 9, 255), (0, 0, 5, 5))
    assert inspect(encoded(image, "PNG")).dominant_color == "#090909"


def differing(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def test_colours_and_hashes_are_of_the_upright_picture_in_srgb(
    inspect: Any, encoded: Encoded, photograph: Any
) -> None:
    upright = photograph(64, 48)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    one = inspect(encoded(upright, "PNG"))
    other = inspect(encoded(turned, "PNG", exif=exif))
    lying = inspect(encoded(turned, "PNG"))
    # The picture is made small before it is turned: the last bit of a colour may differ.
    assert (
        differing(one.blur_hash, other.blur_hash) <= 2 < differing(one.blur_hash, lying.blur_hash)
    )
    assert differing(one.perceptual_hash, other.perceptual_hash) <= 1


def test_a_profile_has_its_name(inspect: Any, encoded: Encoded) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    told = inspect(encoded(Image.new("RGB", (8, 8)), "JPEG", icc_profile=profile))
    assert told.profile == "sRGB built-in"


@pytest.mark.parametrize("length", [1, 131, 140, 160, 200, 300])
def test_a_profile_that_is_cut_off_is_no_trouble(
    inspect: Any, encoded: Encoded, length: int
) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()[:length]
    assert inspect(encoded(Image.new("RGB", (8, 8)), "JPEG", icc_profile=profile)).width == 8


def test_several_sources_are_told_in_their_order(
    tmp_path: Path, encoded: Encoded, assignment_of: Any
) -> None:
    from darkroom_processor.documents import AssignedSource  # noqa: PLC0415

    sources = []
    for number in (1, 2):
        path = tmp_path / f"in{number}"
        path.write_bytes(encoded(Image.new("RGB", (number, 1)), "PNG"))
        sources.append(AssignedSource(SignedRequest(str(path)), name=f"picture {number}"))
    assigned = assignment_of(tmp_path, type=TaskType.INSPECT)._replace(sources=tuple(sources))
    process(assigned, LocalFiles(tmp_path / "made"), str(tmp_path))
    facts = Facts.model_validate_json((tmp_path / "made" / "facts.json").read_text())
    assert [(f.name, f.width) for f in facts.sources] == [("picture 1", 1), ("picture 2", 2)]


@pytest.mark.parametrize("data", [b"", b"hello", b"<svg/>", b"%PDF-1.7"])
def test_what_is_no_picture_cannot_be_inspected(inspect: Any, data: bytes) -> None:
    with pytest.raises(Rejected) as refused:
        inspect(data)
    assert refused.value.code is Code.UNSUPPORTED_FORMAT


def test_a_damaged_picture_cannot_be_inspected(
    inspect: Any, encoded: Encoded, photograph: Any
) -> None:
    with pytest.raises(Rejected) as refused:
        inspect(encoded(photograph(80, 60), "PNG")[:900])
    assert refused.value.code is Code.CORRUPT_IMAGE


def test_a_video_is_told_of_too(inspect: Any, tmp_path: Path) -> None:
    import av  # noqa: PLC0415  # slow to import

    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for number in range(5):
            frame = av.VideoFrame(32, 24, "yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    told = inspect(path.read_bytes())
    assert (told.format, told.width, told.height) == ("mp4", 32, 24)
    assert told.video is not None
    assert told.video.codec == "mpeg4"
