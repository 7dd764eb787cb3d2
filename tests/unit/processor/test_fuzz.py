"""A few hundred mutated files; `make fuzz` does thousands, with the same program."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_mutated_files_of_every_format_end_as_they_have_to(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "fuzz.py", "--inputs", "50", "--keep", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("inputs") == 9
