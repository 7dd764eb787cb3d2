"""The command line: recipes and facts of local files, by the code that runs in pods."""

import json
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from darkroom_processor import log
from darkroom_processor.command_line import main
from PIL import Image

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "try-recipes.md"
SAMPLE = Path(__file__).parents[3] / "samples" / "earth.jpg"
THUMB = {"name": "thumb", "format": "webp", "operations": [{"resize": {"width": 32}}]}


@pytest.fixture(autouse=True)
def stdout_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_is_silent", False)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    Image.linear_gradient("L").convert("RGB").save(path)
    return path


def recipe(folder: Path, content: Any, name: str = "recipe.json") -> str:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def local(recipe_: str, out: Path, *files: Path) -> int:
    return main(["local", "--recipe", recipe_, "--out", str(out), *map(str, files)])


def video(path: Path) -> None:
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(15):
            image = Image.linear_gradient("L").resize((64, 48)).rotate(number * 10)
            frame: Any = av.VideoFrame.from_image(image.convert("RGB"))  # type: ignore[no-untyped-call]
            frame.pts, frame.time_base = number, Fraction(1, 10)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def test_a_recipe_writes_outputs_report_and_facts(
    tmp_path: Path, photo: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert local(recipe(tmp_path, [THUMB]), out, photo) == 0
    with Image.open(out / "thumb.webp") as image:
        assert image.size == (32, 32)
    report = json.loads((out / "report.json").read_text())
    assert report["outputs"][0]["bytes"] == (out / "thumb.webp").stat().st_size
    assert report["peakMemoryBytes"] > 0
    assert json.loads((out / "facts.json").read_text())["sources"][0]["width"] == 256
    assert capfd.readouterr().out == f"{out}/thumb.webp\n"


def test_each_of_many_files_has_a_folder_of_its_own(tmp_path: Path, photo: Path) -> None:
    (tmp_path / "other").mkdir()
    same = tmp_path / "other" / "photo.png"
    same.write_bytes(photo.read_bytes())
    out = tmp_path / "out"
    assert local(recipe(tmp_path, [THUMB]), out, photo, same) == 0
    assert sorted(path.name for path in out.iterdir()) == ["photo", "photo-2"]
    assert (out / "photo-2" / "thumb.webp").exists()


def test_one_bad_file_among_many_is_named_and_the_others_are_made(
    tmp_path: Path, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    out = tmp_path / "out"
    assert local(recipe(tmp_path, [THUMB]), out, bad, photo, tmp_path / "none.jpg") == 65
    assert (out / "photo" / "thumb.webp").exists()
    report = json.loads((out / "bad" / "report.json").read_text())
    assert report["error"]["code"] == "unsupported_format"
    errors = capsys.readouterr().err.splitlines()
    assert errors[0].startswith(f"{bad}: unsupported_format: The source is none of")
    assert errors[1].startswith(f"{tmp_path}/none.jpg: source_not_found: ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([{**THUMB, "format": "bmp", "quality": 5}], "outputs[0]: quality is for jpeg"),
        ([THUMB, THUMB], "spec: two outputs have the same name"),
        ([{**THUMB, "video": {"poster": {}}}], "each output of a task of type Video says by video"),
        ([{"name": "a", "format": "csv"}], "csv, xlsx, parquet and zip are for tasks of type"),
        ([{**THUMB, "colour": 1}], "outputs[0].colour: Extra inputs are not permitted"),
        ({"type": "Painting", "outputs": []}, "type: Input should be"),
        ("[", "cannot be read"),
        ("3", "neither a list of outputs nor an object"),
        ({"type": "Cleanup"}, "there are none here"),
    ],
)
def test_what_a_cluster_refuses_is_refused_with_its_sentence(
    tmp_path: Path, photo: Path, capsys: pytest.CaptureFixture[str], content: Any, said: str
) -> None:
    assert local(recipe(tmp_path, content), tmp_path / "out", photo) == 65
    error = capsys.readouterr().err
    assert error.startswith("invalid_assignment: ")
    assert said in error
    assert not (tmp_path / "out").exists()


def test_a_recipe_may_be_yaml_and_a_whole_resource(tmp_path: Path, photo: Path) -> None:
    text = "kind: ProcessingRecipe\nspec:\n  type: Image\n  outputs:\n  - {name: a, format: png}\n"
    assert local(recipe(tmp_path, text, "recipe.yaml"), tmp_path / "out", photo) == 0
    assert (tmp_path / "out" / "a.png").exists()


def test_an_overlay_is_a_file_beside_the_recipe(tmp_path: Path, photo: Path) -> None:
    (tmp_path / "recipes").mkdir()
    Image.new("RGB", (256, 256), "red").save(tmp_path / "recipes" / "red.png")
    mark = {"overlay": {"source": {"key": "red.png"}, "size": 1.0}}
    marked = recipe(tmp_path / "recipes", [{"name": "m", "format": "png", "operations": [mark]}])
    assert local(marked, tmp_path / "out", photo) == 0
    with Image.open(tmp_path / "out" / "m.png") as image:
        assert image.convert("RGB").getpixel((128, 128)) == (255, 0, 0)


def test_files_of_a_report_are_its_sources(tmp_path: Path, photo: Path) -> None:
    pages = {"type": "Report", "outputs": [{"name": "r", "format": "pdf"}]}
    assert local(recipe(tmp_path, pages), tmp_path / "out", photo, photo) == 0
    assert (tmp_path / "out" / "r.pdf").read_bytes().startswith(b"%PDF")
    zipped = {"type": "Export", "outputs": [{"name": "z", "format": "zip"}]}
    assert local(recipe(tmp_path, zipped), tmp_path / "out", photo, photo) == 0
    assert (tmp_path / "out" / "z.zip").exists()


def test_inspect_prints_the_facts_of_pictures_and_videos(
    tmp_path: Path, photo: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    clip = tmp_path / "clip.mp4"
    video(clip)
    assert main(["inspect", str(photo), str(clip), str(tmp_path / "none")]) == 65
    said = capfd.readouterr()
    first, second = (json.loads(line) for line in said.out.splitlines())
    assert (first["name"], first["format"], first["width"]) == (str(photo), "jpeg", 256)
    assert (second["format"], second["durationSeconds"]) == ("mp4", 1.5)
    assert second["video"]["codec"] == "h264"
    assert "none: source_not_found: " in said.err


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["local", "--help"], ["inspect", "--help"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 0
        assert "examples:\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command", [["darkroom-processor"], ["python", "-m", "darkroom_processor"]]
)
def test_it_is_a_command_and_a_module(tmp_path: Path, photo: Path, command: list[str]) -> None:
    program = [str(Path(sys.executable).parent / command[0]), *command[1:]]
    arguments = ["local", "--recipe", recipe(tmp_path, [THUMB]), "--out", str(tmp_path), str(photo)]
    done = subprocess.run([*program, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path}/thumb.webp\n", "")


def test_the_commands_of_the_page_do_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "earth.jpg").write_bytes(SAMPLE.read_bytes())
    video(tmp_path / "holiday.mp4")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    script = "set -e\n" + "".join(text for language, text in blocks if language == "sh")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert blocks[-1][1].strip() in done.stderr.strip()


def test_a_picture_pays_for_no_other_type_of_task() -> None:
    code = (
        "import sys, darkroom_processor.image.pipeline, darkroom_processor.network;"
        "import darkroom_processor.video.sniff;"
        "print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "PIL" in loaded
    assert not loaded & {"av", "reportlab", "arro3", "xlsxwriter", "csv", "zipfile", "yaml"}
