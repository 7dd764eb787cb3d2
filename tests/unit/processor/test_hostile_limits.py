"""The limits hold in the process that a container starts: time, memory, and bytes written."""

import io
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from darkroom_core.exit_codes import ExitCode
from darkroom_core.vocabulary import Format
from darkroom_processor import limits
from darkroom_processor.documents import AssignedFile, SignedRequest
from darkroom_processor.errors import Code, Rejected
from darkroom_processor.local import LocalFiles
from darkroom_processor.tasks import Bounded
from PIL import Image

_ADDRESS_SPACE = 1_500 * 2**20


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _noise(side: int) -> bytes:
    return _png(Image.frombytes("RGB", (side, side), random.Random(7).randbytes(side * side * 3)))


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))


def ended(web: Any, folder: Path, data: bytes, output: Any, seconds: int) -> tuple[int, Any, float]:
    """Exit code, report and seconds of a processor that was started as in a container."""
    request = {"url": f"{web.url}/{output['name']}"}
    files = [{"name": output["name"], "format": output["format"], "request": request}]
    task = {
        "task": "a-task",
        "sources": [{"request": {"url": web.serve("/source", data)}}],
        "outputs": [{"output": output, "files": files}],
        "limits": {"seconds": seconds},
    }
    report = folder / "report"
    start = time.monotonic()
    code = subprocess.run(
        [sys.executable, "-m", "darkroom_processor"],
        env={
            "PATH": os.environ["PATH"],
            "TMPDIR": str(folder),
            "DARKROOM_ASSIGNMENT": json.dumps(task),
            "DARKROOM_TERMINATION_LOG": str(report),
        },
        stdout=subprocess.DEVNULL,
        check=False,
        timeout=60,
        preexec_fn=_limited,  # one limit is set, and nothing is locked
    ).returncode
    return code, json.loads(report.read_text()), time.monotonic() - start


def test_the_time_is_over_in_the_middle_of_a_long_call_into_c(web: Any, tmp_path: Path) -> None:
    """Lossless WebP of noise is one call of many seconds."""
    source = io.BytesIO()
    Image.effect_noise((3000, 3000), 90).convert("RGB").save(source, "JPEG")
    output = {"name": "slow", "format": "webp", "lossless": True}

    code, report, seconds = ended(web, tmp_path, source.getvalue(), output, 2)

    assert (code, report["error"]["code"]) == (ExitCode.TRY_AGAIN, "out_of_time")
    # A busy machine may be slow to start the process, not to end it.
    assert seconds < 12
    assert "slow" not in web.stored


def test_memory_that_an_encoder_does_not_get_is_no_defect(web: Any, tmp_path: Path) -> None:
    """What is asked for is within the pixels, but not within this process's memory."""
    large = {"resize": {"width": 9900, "height": 9900, "fit": "stretch", "enlarge": True}}
    output = {
        "name": "large",
        "format": "avif",
        "operations": [large],
    }

    code, report, _ = ended(web, tmp_path, _noise(16), output, 60)

    assert (code, report["error"]["code"]) == (ExitCode.REJECTED, "out_of_memory")
    assert report["error"]["retryable"] is False
    assert report["peakMemoryBytes"] < _ADDRESS_SPACE


def test_all_outputs_together_have_a_limit(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _noise(40)
    one, bmp = 40 * 40 * 3, {"format": "bmp"}
    monkeypatch.setattr(limits, "MAX_OUTPUT_BYTES", 2 * one + 500)

    assert len(run(data, bmp, bmp)) == 2
    with pytest.raises(Rejected, match="together") as refused:
        run(data, bmp, bmp, bmp)

    assert refused.value.code is Code.OUTPUT_TOO_LARGE


def test_files_count_as_bytes_do_and_nothing_is_written_beyond(tmp_path: Path) -> None:
    files = Bounded(LocalFiles(tmp_path / "out"), 100)
    made = tmp_path / "made"
    made.write_bytes(bytes(60))
    first, second = (
        AssignedFile(name, Format.PDF, SignedRequest("")) for name in ("first", "second")
    )

    files.store_file(first, str(made))
    with pytest.raises(Rejected):
        files.store(second, bytes(41))

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["first.pdf"]
