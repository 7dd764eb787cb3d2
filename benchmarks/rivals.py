"""The engines that `images` compares: installed in folders of their own, told by lines of JSON."""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

HERE: Final = Path(__file__).parent / "engines"
SHARP: Final = "sharp@0.35.5"
_PACKAGES: Final[Mapping[str, Sequence[str]]] = {
    "pyvips": ("pyvips==3.2.0", "pyvips-binary==8.18.7"),
    "thumbor": ("thumbor==7.8.0",),
    "scores": ("ssimulacra2==0.3.0",),
}


class Engine:
    """A process that lives for many pictures, on one core."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start it, and wait until it has imported what it needs."""
        core = str(max(os.sched_getaffinity(0)))
        environment = {**os.environ, "UV_THREADPOOL_SIZE": "1", "VIPS_CONCURRENCY": "1"}
        self._process = subprocess.Popen(
            ["taskset", "-c", core, *command],
            env={**environment, "MALLOC_ARENA_MAX": "2"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._name = " ".join(command)
        self._answer()

    def ask(self, order: Mapping[str, object]) -> dict[str, float]:
        """Give one order and return its answer."""
        if self._process.stdin is not None:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, float]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError(f"{self._name} ended: run it by hand to see why")
        answer: dict[str, float] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def install(folder: Path) -> None:
    """Install what is not there yet; versions are pinned above."""
    sharp = folder / "sharp"
    if not (sharp / "node_modules" / "sharp").exists():
        sharp.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(sharp), SHARP], check=True
        )
    for name, packages in _PACKAGES.items():
        python = folder / name / "bin" / "python"
        if not (folder / name / "installed").exists():
            venv.create(folder / name, with_pip=True)
            subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
            (folder / name / "installed").touch()


def commands(folder: Path) -> dict[str, Sequence[str]]:
    """Return how each engine is started, Darkroom first."""
    python, engines = sys.executable, HERE
    return {
        "Darkroom": [python, str(engines / "darkroom.py")],
        "sharp": ["node", str(engines / "sharp.cjs"), str(folder / "sharp")],
        "thumbor": [str(folder / "thumbor/bin/python"), str(engines / "thumbor_engine.py")],
        "pyvips": [str(folder / "pyvips/bin/python"), str(engines / "vips.py")],
        "Pillow by hand": [python, str(engines / "by_hand.py")],
    }


def scores(folder: Path) -> Engine:
    """Start what tells how alike a file is to its source."""
    return Engine([str(folder / "scores/bin/python"), str(HERE / "scores.py")])
