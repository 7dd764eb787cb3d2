"""Videos in every container: pictures of them, previews and other videos, frame by frame."""

import io
import json
import math
import os
import random
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import pytest
from darkroom_core.recipe import Output as RecipeOutput
from darkroom_core.vocabulary import Format, TaskType, VideoCodec
from darkroom_processor.documents import Assignment, Limits, Report, SignedRequest, Transcode
from darkroom_processor.errors import ProcessingError
from darkroom_processor.local import LocalFiles
from darkroom_processor.tasks import process
from darkroom_processor.video.codecs import encoder_for, open_encoder
from darkroom_processor.video.sniff import is_video
from PIL import Image
from pydantic import ValidationError

RATE = 10
SIZE = (64, 48)


class Clip(NamedTuple):
    """A video to make: frame n is of the grey 60 + 8 n, with a white left half."""

    codec: str = "libx264"
    seconds: float = 2
    rate: int = RATE
    audio: str | None = None
    interrupted: tuple[float, float] = (0, 0)
    black: int = 0
    size: tuple[int, int] = SIZE


USUAL = Clip()
NO_LIMITS = Limits()


def grey(number: int) -> int:
    return 60 + 8 * number


def film(path: Path, clip: Clip = USUAL, **options: Any) -> Path:
    with av.open(str(path), "w", **options) as file:
        stream: Any = file.add_stream(clip.codec, rate=clip.rate)
        stream.width, stream.height = clip.size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = 7
        open_encoder(stream.codec_context)
        sound: Any = file.add_stream(clip.audio, rate=48_000) if clip.audio else None
        if sound:
            sound.codec_context.layout = "mono"
        for number in range(round(clip.seconds * clip.rate)):
            value = 0 if number < clip.black else grey(number * RATE // clip.rate)
            image = Image.new("RGB", clip.size, (value, value, value))
            if number >= clip.black:
                image.paste((255, 255, 255), (0, 0, clip.size[0] // 2, clip.size[1]))
            frame: Any = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]
            frame.pts, frame.time_base = number, Fraction(1, clip.rate)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
        if sound:
            for at in range(0, round(clip.seconds * 48_000), 960):
                if clip.interrupted[0] <= at / 48_000 < clip.interrupted[1]:
                    continue
                frame = av.AudioFrame(format="s16", layout="mono", samples=960)
                wave = [round(8000 * math.sin(i * 0.0576)) for i in range(at, at + 960)]
                frame.planes[0].update(struct.pack("<960h", *wave))
                frame.sample_rate, frame.pts, frame.time_base = 48_000, at, Fraction(1, 48_000)
                file.mux(sound.encode(frame))
            file.mux(sound.encode(None))
    return path


def value_of(image: Image.Image) -> int:
    """Return the grey of the right half."""
    pixel = image.convert("L").getpixel((image.width * 3 // 4, image.height // 2))
    assert isinstance(pixel, int)
    return pixel


class Made(NamedTuple):
    report: Report
    folder: Path

    def image(self, name: str) -> Image.Image:
        path = next(self.folder.glob(f"{name}.*"))
        return Image.open(io.BytesIO(path.read_bytes()))

    def frames(self, name: str) -> tuple[list[float], list[Image.Image]]:
        with av.open(str(next(self.folder.glob(f"{name}.*")))) as file:
            frames = list(file.decode(video=0))
            times = [round(frame.time or 0, 3) for frame in frames]
            return times, [frame.to_image() for frame in frames]  # type: ignore[no-untyped-call]


Make = Callable[..., Made]


@pytest.fixture
def make(tmp_path: Path, assignment_of: Callable[..., Assignment]) -> Make:
    """Return a function that makes outputs of a video: (path, *outputs, limits=...)."""

    def make_(source: Path, *outputs: dict[str, Any], limits: Limits = NO_LIMITS) -> Made:
        assignment = assignment_of(
            source, *outputs, type=TaskType.VIDEO, limits=limits, facts=SignedRequest("")
        )
        folder = tmp_path / "outputs"
        return Made(process(assignment, LocalFiles(folder), str(tmp_path)), folder)

    return make_


def poster(**fields: Any) -> dict[str, Any]:
    return {"name": "p", "format": "png", "video": {"poster": fields}}


def transcode(format_: str = "mp4", **fields: Any) -> dict[str, Any]:
    return {"name": "v", "format": format_, "video": {"transcode": fields}}


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.mov", "libx264"), ("a.mkv", "libx264"), ("a.webm", "libvpx-vp9"),
     ("a.avi", "mpeg4"), ("a.ts", "libx264"), ("a.mp4", "libsvtav1"), ("a.mp4", "libx265")],
)  # fmt: skip
def test_the_frame_that_is_shown_at_a_time_is_the_poster(
    tmp_path: Path, make: Make, name: str, codec: str
) -> None:
    source = film(tmp_path / name, Clip(codec))
    for number, at in [(0, 0.0), (11, 1.15), (19, 1.99)]:
        assert abs(value_of(make(source, poster(at=at)).image("p")) - grey(number)) <= 4


def test_a_poster_without_a_time_is_neither_dark_nor_plain(tmp_path: Path, make: Make) -> None:
    made = make(film(tmp_path / "a.mp4", Clip(black=8)), poster())
    assert value_of(made.image("p")) >= grey(8) - 4


def test_a_video_that_is_dark_all_along_has_a_poster_all_the_same(
    tmp_path: Path, make: Make
) -> None:
    assert make(film(tmp_path / "a.mp4", Clip(black=20)), poster()).image("p").size == SIZE


def test_a_time_after_the_end_is_refused_with_the_length(tmp_path: Path, make: Make) -> None:
    with pytest.raises(ProcessingError, match=r"time_outside: The video is 2\.00 seconds"):
        make(film(tmp_path / "a.mp4"), poster(at=2.5))


def test_thumbnails_every_so_many_seconds_end_with_the_video(tmp_path: Path, make: Make) -> None:
    every = {"name": "t", "format": "jpeg", "video": {"thumbnails": {"every": 0.5, "frames": 9}}}
    made = make(film(tmp_path / "a.mp4"), every)
    assert [output.name for output in made.report.outputs] == ["t-1", "t-2", "t-3", "t-4"]
    for number, frame in enumerate([0, 5, 10, 15], 1):
        assert abs(value_of(made.image(f"t-{number}")) - grey(frame)) <= 5


def test_thumbnails_without_a_distance_are_spread(tmp_path: Path, make: Make) -> None:
    spread = {"name": "t", "format": "png", "video": {"thumbnails": {"frames": 4}}}
    made = make(film(tmp_path / "a.mkv"), spread)
    values = [value_of(made.image(f"t-{number}")) for number in range(1, 5)]
    assert all(abs(v - grey(f)) <= 4 for v, f in zip(values, [2, 7, 12, 17], strict=True))


def test_operations_are_carried_out_on_the_frames(tmp_path: Path, make: Make) -> None:
    small = {**poster(at=1.0), "operations": [{"resize": {"width": 32}}, {"invert": {}}]}
    image = make(film(tmp_path / "a.mp4"), small).image("p")
    assert image.size == (32, 24)
    assert abs(value_of(image) - (255 - grey(10))) <= 4


def test_an_encoder_does_not_run_before_everything_else(tmp_path: Path, make: Make) -> None:
    recipe = {"name": "v", "format": "mp4", "video": {"transcode": {"codec": "av1"}}}
    make(film(tmp_path / "a.mp4"), recipe)
    threads = Path("/proc/self/task").iterdir()
    policies = {os.sched_getscheduler(int(thread.name)) for thread in threads}
    assert policies == {os.SCHED_OTHER}


def test_a_storyboard_says_where_each_time_is_on_its_sheet(tmp_path: Path, make: Make) -> None:
    board = {"storyboard": {"columns": 3, "frames": 5, "width": 32}}
    made = make(film(tmp_path / "a.mp4"), {"name": "s", "format": "png", "video": board})
    sheet = made.image("s")
    assert sheet.size == (96, 48)
    lines = (made.folder / "s-vtt.vtt").read_text().splitlines()
    assert lines[0] == "WEBVTT"
    assert lines[2:4] == ["00:00:00.000 --> 00:00:00.400", "s.png#xywh=0,0,32,24"]
    assert lines[-2:] == ["00:00:01.600 --> 00:00:02.000", "s.png#xywh=32,24,32,24"]
    for place, frame in [((0, 0), 2), ((32, 0), 6), ((64, 0), 10), ((0, 24), 14), ((32, 24), 18)]:
        tile = sheet.crop((*place, place[0] + 32, place[1] + 24))
        assert abs(value_of(tile) - grey(frame)) <= 5


@pytest.mark.parametrize("format_", ["gif", "webp", "png", "avif"])
def test_a_preview_moves_as_fast_as_it_is_told(tmp_path: Path, make: Make, format_: str) -> None:
    fast = {"start": 0.2, "duration": 0.8, "fps": 5, "speed": 2}
    made = make(
        film(tmp_path / "a.mp4"), {"name": "m", "format": format_, "video": {"preview": fast}}
    )
    image = made.image("m")
    assert getattr(image, "n_frames", 1) == 4
    for number, frame in enumerate([2, 6, 10, 14]):
        image.seek(number)
        assert abs(value_of(image) - grey(frame)) <= 9
        assert image.info["duration"] == 200


def test_a_preview_in_a_format_that_cannot_move_is_refused(tmp_path: Path, make: Make) -> None:
    still = {"name": "m", "format": "jpeg", "video": {"preview": {}}}
    with pytest.raises(ValidationError, match="a preview is gif, webp, png or avif"):
        make(film(tmp_path / "a.mp4"), still)


@pytest.mark.parametrize(
    ("format_", "codec", "found"),
    [("mp4", None, "h264"), ("mp4", "av1", "libdav1d"), ("webm", None, "vp9"),
     ("webm", "av1", "libdav1d"), ("mp4", "vp9", "vp9")],
)  # fmt: skip
def test_a_transcode_has_every_frame_in_its_time(
    tmp_path: Path, make: Make, format_: str, codec: str | None, found: str
) -> None:
    made = make(film(tmp_path / "a.mp4"), transcode(format_, codec=codec))
    times, images = made.frames("v")
    assert times == [number / RATE for number in range(20)]
    assert all(abs(value_of(image) - grey(n)) <= 6 for n, image in enumerate(images))
    with av.open(str(made.folder / f"v.{format_}")) as file:
        assert file.streams.video[0].codec_context.name == found


def test_a_clip_is_exact_to_the_frame(tmp_path: Path, make: Make) -> None:
    made = make(film(tmp_path / "a.mp4"), transcode(start=0.9, duration=0.5))
    times, images = made.frames("v")
    assert times == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert [round((value_of(image) - 60) / 8) for image in images] == [9, 10, 11, 12, 13]


def test_a_transcode_is_scaled_to_even_sides_and_never_enlarged(tmp_path: Path, make: Make) -> None:
    source = film(tmp_path / "a.mp4")
    small, large = make(source, transcode(width=33)), make(source, transcode(height=4000))
    assert (small.report.outputs[0].width, small.report.outputs[0].height) == (32, 24)
    assert (large.report.outputs[0].width, large.report.outputs[0].height) == SIZE


def test_a_lower_rate_leaves_frames_out(tmp_path: Path, make: Make) -> None:
    times, _ = make(film(tmp_path / "a.mp4"), transcode("webm", fps=5)).frames("v")
    assert times == [number / 5 for number in range(10)]


@pytest.mark.parametrize(("format_", "codec"), [("mp4", "aac"), ("webm", "opus")])
def test_sound_is_kept_or_dropped(tmp_path: Path, make: Make, format_: str, codec: str) -> None:
    source = film(tmp_path / "a.mkv", Clip(audio="aac"))
    with av.open(str(make(source, transcode(format_)).folder / f"v.{format_}")) as file:
        assert file.streams.audio[0].codec_context.codec.canonical_name == codec
        samples = list(file.decode(audio=0))
        seconds = sum(frame.samples / frame.sample_rate for frame in samples)
        assert abs(seconds - 2) < 0.1
    with av.open(
        str(make(source, transcode(format_, audio=False)).folder / f"v.{format_}")
    ) as file:
        assert not file.streams.audio


@pytest.mark.parametrize("format_", ["mp4", "webm"])
def test_sound_that_is_interrupted_goes_on_in_its_time(
    tmp_path: Path, make: Make, format_: str
) -> None:
    source = film(tmp_path / "a.mkv", Clip(audio="flac", interrupted=(0.5, 1.5)))
    with av.open(str(make(source, transcode(format_)).folder / f"v.{format_}")) as file:
        loud = []
        for frame in file.decode(audio=0):
            samples = struct.unpack(
                f"<{frame.samples}f", bytes(frame.planes[0])[: 4 * frame.samples]
            )
            if max(map(abs, samples)) > 0.1:
                loud.append(frame.time or 0.0)
    assert abs(max(time for time in loud if time < 1) - 0.48) < 0.12  # a frame of FLAC
    assert abs(min(time for time in loud if time > 1) - 1.5) < 0.12


def test_operations_are_carried_out_on_every_frame_of_a_transcode(
    tmp_path: Path, make: Make
) -> None:
    half = {**transcode(), "operations": [{"flip": {"direction": "horizontal"}}]}
    _, images = make(film(tmp_path / "a.mp4"), half).frames("v")
    assert len(images) == 20
    assert all(value_of(image) > 245 for image in images)


def test_a_video_that_lies_on_its_side_is_set_upright(tmp_path: Path, make: Make) -> None:
    data = bytearray(film(tmp_path / "a.mp4").read_bytes())
    matrix = data.index(b"tkhd") + 44
    data[matrix : matrix + 36] = struct.pack(
        ">9i", 0, 65536, 0, -65536, 0, 0, 48 * 65536, 0, 1 << 30
    )
    source = tmp_path / "turned.mp4"
    source.write_bytes(data)
    made = make(source, poster(at=1.0), transcode())
    assert made.report.source is not None
    assert made.report.source.orientation == 6
    _, images = made.frames("v")
    for image in (made.image("p"), images[10]):
        assert image.size == (48, 64)
        upper, lower = image.convert("L").getpixel((24, 10)), image.convert("L").getpixel((24, 54))
        assert isinstance(upper, int)
        assert isinstance(lower, int)
        assert upper > 245
        assert abs(lower - grey(10)) < 6


def test_progress_goes_on_with_every_frame(
    tmp_path: Path, assignment_of: Callable[..., Assignment]
) -> None:
    said: list[int] = []

    class Watched(LocalFiles):
        def progress(self, percent: int) -> None:
            said.append(percent)

    thumbs = {"name": "t", "format": "png", "video": {"thumbnails": {"frames": 4}}}
    assignment = assignment_of(film(tmp_path / "a.mp4"), thumbs, transcode(), type=TaskType.VIDEO)
    process(assignment, Watched(tmp_path / "out"), str(tmp_path))
    assert said == sorted(said)
    assert len(set(said)) > 20
    assert said[0] == 10
    assert said[-1] > 95


def test_the_facts_of_a_video_are_told(tmp_path: Path, make: Make) -> None:
    made = make(film(tmp_path / "a.mp4", Clip(audio="aac")), poster(), transcode())
    facts = json.loads((made.folder / "facts.json").read_text())
    source = facts["sources"][0]
    assert (source["format"], source["width"], source["height"]) == ("mp4", 64, 48)
    assert (source["durationSeconds"], source["frames"]) == (2.0, 20)
    assert source["video"]["codec"] == "h264"
    assert source["video"]["audioCodec"] == "aac"
    assert source["video"]["framesPerSecond"] == 10.0
    assert facts["outputs"][1]["video"]["codec"] == "h264"


def test_a_codec_that_the_format_cannot_hold_is_refused() -> None:
    with pytest.raises(ValidationError, match="webm holds vp9 or av1, not h264"):
        RecipeOutput.model_validate(transcode("webm", codec="h264"))
    with pytest.raises(ProcessingError, match="codec_missing: A webm file holds vp9 or av1"):
        encoder_for(Transcode(codec=VideoCodec.H264), Format.WEBM)


def test_an_encoder_that_is_missing_is_said_with_those_that_are_there(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "darkroom_processor.video.codecs.is_there", lambda name: name == "libvpx-vp9"
    )
    with pytest.raises(ProcessingError, match="cannot encode h264; it can encode vp9"):
        make(film(tmp_path / "a.mp4"), transcode())


def test_what_needs_more_memory_than_there_is_is_not_begun(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = film(tmp_path / "a.mp4")
    monkeypatch.setattr("darkroom_processor.video.transcode.allowed_memory", lambda: 100 * 2**20)
    with pytest.raises(ProcessingError, match="out_of_memory: Encoding 64 x 48 pixels"):
        make(source, transcode())
    monkeypatch.setattr("darkroom_processor.video.film.allowed_memory", lambda: 10_000)
    with pytest.raises(ProcessingError, match="out_of_memory: Decoding"):
        make(source, poster())


def test_frames_larger_than_the_limit_are_refused(tmp_path: Path, make: Make) -> None:
    with pytest.raises(ProcessingError, match="too_many_pixels"):
        make(film(tmp_path / "a.mp4"), poster(), limits=Limits(pixels=3000))


@pytest.mark.parametrize(
    "data",
    [b"", b"#EXTM3U\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n",
     b"GIF89a" + b"\0" * 100, b"\xff\xd8\xff\xe0" + b"\0" * 100,
     b"Great 1 text, and no video. " * 9],
)  # fmt: skip
def test_what_is_no_video_is_refused_by_its_content(
    tmp_path: Path, make: Make, data: bytes
) -> None:
    assert not is_video(data[:64])
    source = tmp_path / "video.mp4"
    source.write_bytes(data)
    with pytest.raises(ProcessingError, match="unsupported_format"):
        make(source, poster())


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.mkv"])
def test_a_video_that_ends_too_early_is_not_transcoded(
    tmp_path: Path, make: Make, name: str
) -> None:
    codec = "libvpx-vp9" if name == "a.webm" else "libx264"
    data = film(tmp_path / name, Clip(codec)).read_bytes()
    source = tmp_path / "torn"
    source.write_bytes(data[: len(data) // 2])
    with pytest.raises(ProcessingError, match="corrupt_video"):
        make(source, transcode())


def test_noise_after_the_first_bytes_of_a_video_is_refused(tmp_path: Path, make: Make) -> None:
    source = tmp_path / "noise"
    for start in (
        b"\0\0\0\x20ftypisom",
        b"\x1aE\xdf\xa3webm",
        b"RIFF\0\0\0\0AVI LIST",
        b"\x47@\0\x10",
    ):
        source.write_bytes(start + bytes(range(256)) * 20)
        with pytest.raises(ProcessingError, match=r"corrupt_video|unsupported_format"):
            make(source, poster())


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.avi", "a.ts"])
def test_a_damaged_video_ends_with_a_code_or_with_pictures(
    tmp_path: Path, make: Make, name: str
) -> None:
    codec = {"a.webm": "libvpx-vp9", "a.avi": "mpeg4"}.get(name, "libx264")
    whole = film(tmp_path / name, Clip(codec, seconds=1, audio=None)).read_bytes()
    chance, source = random.Random(name), tmp_path / "damaged"
    for _ in range(25):
        data = bytearray(whole)
        for _ in range(chance.choice([1, 10, 200])):
            data[chance.randrange(len(data))] = chance.randrange(256)
        source.write_bytes(data[: chance.choice([len(data), chance.randrange(len(data))])])
        try:
            make(source, poster(), transcode("webm", codec="vp9", width=16))
        except ProcessingError as error:
            codes = {"corrupt_video", "unsupported_format", "too_many_pixels", "out_of_memory"}
            assert error.code in codes  # noqa: PT017  # either end is right
