"""Likeness: SSIMULACRA2 of a file against a float, linear-light Lanczos resize of its source."""

import contextlib
import io
import json
import sys
from pathlib import Path

import numpy as np  # type: ignore[import-not-found]  # in an environment of its own
from PIL import Image
from ssimulacra2 import (  # type: ignore[import-not-found]  # in an environment of its own
    compute_ssimulacra2,
)


def _reference(source: str, folder: Path, size: tuple[int, int]) -> Path:
    file = folder / f"{Path(source).stem}-reference.png"
    if not file.exists():
        pixels = np.asarray(Image.open(source).convert("RGB"), dtype=np.float32) / 255
        linear = np.where(pixels <= 0.04045, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4)
        planes = [
            np.asarray(
                Image.fromarray(np.ascontiguousarray(plane)).resize(size, Image.Resampling.LANCZOS)
            )
            for plane in np.moveaxis(linear.astype(np.float32), 2, 0)
        ]
        small = np.clip(np.stack(planes, axis=2), 0, 1)
        shown = np.where(small <= 0.0031308, small * 12.92, 1.055 * small ** (1 / 2.4) - 0.055)
        Image.fromarray(np.uint8(np.round(shown * 255))).save(file)
    return file


def main() -> None:
    """Take {"source", "made", "folder"} on each line, answer {"score"}."""
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        made = Path(order["folder"]) / "made.png"
        picture = Image.open(io.BytesIO(Path(order["made"]).read_bytes())).convert("RGB")
        picture.save(made)
        reference = _reference(order["source"], Path(order["folder"]), picture.size)
        with contextlib.redirect_stdout(io.StringIO()):
            score = compute_ssimulacra2(str(reference), str(made))
        print(json.dumps({"score": float(score)}), flush=True)


if __name__ == "__main__":
    main()
