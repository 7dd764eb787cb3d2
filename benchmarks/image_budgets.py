"""What a task may take: many outputs for little more than one, memory, the time to start."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from darkroom_cluster import buildah
from darkroom_cluster.release import built_image
from darkroom_processor import log
from darkroom_processor.assignment import read_outputs
from darkroom_processor.documents import (
    AssignedFile,
    AssignedOutput,
    AssignedSource,
    Assignment,
    SignedRequest,
)
from darkroom_processor.local import LocalFiles
from darkroom_processor.tasks import process
from figures import Figure, bounded, compared
from PIL import Image

_FIVE: Final = (("jpeg", 1024), ("jpeg", 768), ("jpeg", 512), ("webp", 320), ("jpeg", 128))
_TIMES_FASTER: Final = 2.5
_HUNDRED_MEGAPIXELS: Final = (12_240, 8_160)
_MOST_MEMORY: Final = 150
_MOST_START: Final = 250
_MOST_COMPRESSED: Final = 120
_ROUNDS: Final = 5
_PEAK: Final = """
import sys
from darkroom_processor.command import main
try:
    main()
finally:
    status = open("/proc/self/status").read()
    print(next(line for line in status.splitlines() if line.startswith("VmHWM")), file=sys.stderr)
"""


def measure(photograph: Path, folder: Path) -> list[Figure]:
    """Measure on the photograph of 24 megapixels, and on one of 100."""
    return [*_five_outputs(photograph), _peak_memory(photograph, folder), _start(), _image()]


class Taken(NamedTuple):
    """How long something took."""

    wall: float
    processor: float
    """All threads together."""


def _five_outputs(photograph: Path) -> list[Figure]:
    recipes = [
        {"name": f"o{at}", "format": format_, "operations": [{"resize": {"width": width}}]}
        for at, (format_, width) in enumerate(_FIVE)
    ]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as temporary:  # as in a pod
        together, apart = [], []
        for _ in range(_ROUNDS):
            together.append(_taken(photograph, [recipes], temporary))
            apart.append(_taken(photograph, [[recipe] for recipe in recipes], temporary))

    def figure(name: str, of: Callable[[Taken], float], at_least: float = 0) -> Figure:
        one, five = (statistics.median(map(of, takens)) for takens in (together, apart))
        return compared(name, 1 / one, "1/s", 1 / five, of="5 tasks", at_least=at_least)

    return [
        figure("5 outputs of 24 MP, one task", lambda taken: taken.wall, _TIMES_FASTER),
        figure("5 outputs of 24 MP, by processor time", lambda taken: taken.processor),
    ]


def _taken(photograph: Path, tasks: Sequence[Sequence[Mapping[str, Any]]], folder: str) -> Taken:
    """Do tasks one after the other in this process: what they take without its start."""
    log.be_silent()
    nowhere = SignedRequest("")
    wall, processor = time.perf_counter(), time.process_time()
    for recipes in tasks:
        outputs = tuple(
            AssignedOutput(output, (AssignedFile(output.name, output.format, nowhere),))
            for output in read_outputs(json.dumps(recipes))
        )
        source = AssignedSource(SignedRequest(str(photograph)))
        assignment = Assignment("bench", sources=(source,), outputs=outputs)
        process(assignment, LocalFiles(Path(folder)), folder)
    return Taken(time.perf_counter() - wall, time.process_time() - processor)


def _peak_memory(photograph: Path, folder: Path) -> Figure:
    """Measure a fresh process: `ru_maxrss` would begin with what its parent had."""
    large = folder / "sources" / "photograph-100.jpg"
    if not large.exists():
        with Image.open(photograph) as picture:
            picture.resize(_HUNDRED_MEGAPIXELS, Image.Resampling.BILINEAR).save(large, quality=90)
    recipe = [{"name": "o", "format": "jpeg", "operations": [{"resize": {"width": 512}}]}]
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "recipe.json"
        file.write_text(json.dumps(recipe))
        command = ["local", "--recipe", str(file), "--out", temporary, str(large)]
        done = subprocess.run(
            [sys.executable, "-c", _PEAK, *command], capture_output=True, text=True, check=True
        )
    peak = int(done.stderr.rpartition("VmHWM:")[2].split()[0]) * 1024
    return bounded("peak memory, 100 MP to 512", peak / 1e6, "MB", _MOST_MEMORY)


def _start() -> Figure:
    """From the start of the process to its first word: what it does next is work."""
    taken = []
    with tempfile.TemporaryDirectory() as temporary:
        request = {"url": "http://127.0.0.1:9/nothing"}
        assignment = {
            "task": "bench",
            "sources": [{"request": request}],
            "outputs": [
                {
                    "output": {"name": "o", "format": "jpeg"},
                    "files": [{"name": "o", "format": "jpeg", "request": request}],
                }
            ],
        }
        environment = {
            "PATH": os.environ["PATH"],
            "DARKROOM_ASSIGNMENT": json.dumps(assignment),
            "DARKROOM_TERMINATION_LOG": f"{temporary}/report",
        }
        for _ in range(2 * _ROUNDS):
            start = time.perf_counter()
            with subprocess.Popen(
                [sys.executable, "-m", "darkroom_processor"],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            ) as process:
                if process.stdout is not None:
                    process.stdout.readline()
                taken.append(time.perf_counter() - start)
                process.kill()
    return bounded(
        "start of the process to its first word", statistics.median(taken) * 1000, "ms", _MOST_START
    )


def _image() -> Figure:
    """What a node downloads: all layers with gzip, as a registry would keep them."""
    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(temporary) / "image.tar"
        buildah.save(built_image(Path.cwd(), "processor"), archive)
        megabytes = archive.stat().st_size / 1e6
    return bounded("container image, compressed", megabytes, "MB", _MOST_COMPRESSED)
