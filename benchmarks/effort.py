"""What effort buys: size and time of WebP, AVIF and PNG at each effort, at equal likeness.

For every picture the likeness (SSIM) of a JPEG of quality 80 is the mark. For each effort the
lowest quality that reaches it is searched; its size and the time of one encoding are shown. Time is
the processor's, all threads together, so that a busy machine says the same as a quiet one.

    PYTHONPATH=benchmarks python benchmarks/effort.py
"""

import argparse
import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import photographs
from darkroom_core.vocabulary import Format
from darkroom_processor.documents import Output
from darkroom_processor.image import encode, plugins, quality
from PIL import Image

_SIDE: Final = 512
_EFFORTS: Final = {
    Format.WEBP: (0, 2, 3, 5, 7, 8, 10),
    Format.AVIF: (0, 1, 2, 3, 4, 6),
    Format.PNG: (1, 3, 6, 9),
}
_MARK: Final = 80
_ROUNDS: Final = 3


class Row(NamedTuple):
    """One encoding."""

    picture: str
    format: Format
    effort: int | None
    """None: as the processor does it without an effort."""
    quality: int
    bytes: int
    milliseconds: float


def main() -> None:
    """Print a table for each format."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/photographs"))  # noqa: S108
    parser.add_argument("--picture", type=Path, nargs="*", default=[Path("samples/earth.jpg")])
    parser.add_argument("--side", type=int, default=_SIDE, help="longest side of the output")
    options = parser.parse_args()
    made = photographs.make(options.folder)
    pictures = {path.stem: path for path in (made["2"], *options.picture)}
    for format_ in (Format.JPEG, *_EFFORTS):
        plugins.load_writer(format_)
    rows = [
        row
        for name, path in pictures.items()
        for row in _rows(f"{name}, {options.side} px", _at(path, options.side))
    ]
    for format_ in _EFFORTS:
        _print(format_, [row for row in rows if row.format in {format_, Format.JPEG}])


def _at(path: Path, side: int) -> Image.Image:
    with Image.open(path) as image:
        image.thumbnail((side, side))
        return image.convert("RGB")


def _rows(name: str, image: Image.Image) -> Iterator[Row]:
    jpeg = Output("o", Format.JPEG)
    data = encode.saved(image.copy(), jpeg, _MARK, encode.PLAIN)
    least = quality.similarity(image, Image.open(io.BytesIO(data)))
    yield Row(name, Format.JPEG, None, _MARK, len(data), _took(image, jpeg, _MARK))
    for format_, efforts in _EFFORTS.items():
        for effort in (None, *efforts):
            output = Output("o", format_, effort=effort, similarity=least)
            found = 100 if format_ is Format.PNG else _quality(image, output)
            size = len(encode.saved(image.copy(), output, found, encode.PLAIN))
            yield Row(name, format_, effort, found, size, _took(image, output, found))


def _quality(image: Image.Image, output: Output) -> int:
    return quality.alike(
        lambda q: encode.saved(image.copy(), output, q, encode.PLAIN), image, output
    )


def _took(image: Image.Image, output: Output, quality_: int) -> float:
    times = []
    for _ in range(_ROUNDS):
        copy, start = image.copy(), time.process_time()
        encode.saved(copy, output, quality_, encode.PLAIN)
        times.append(time.process_time() - start)
    return min(times) * 1000


def _print(format_: Format, rows: list[Row]) -> None:
    pictures = list(dict.fromkeys(row.picture for row in rows))
    print(f"\n{format_.value}: quality, bytes against JPEG {_MARK}, CPU milliseconds\n")
    print("| effort | " + " | ".join(pictures) + " |")
    print("| --- " * (len(pictures) + 1) + "|")
    jpegs = {row.picture: row for row in rows if row.format is Format.JPEG}
    cells = ", ".join(f"{jpegs[name].bytes / 1000:.1f} kB" for name in pictures)
    for effort in dict.fromkeys(row.effort for row in rows if row.format is format_):
        found = {r.picture: r for r in rows if r.format is format_ and r.effort == effort}
        told = " | ".join(
            f"{row.quality}, {row.bytes / jpegs[name].bytes:.0%}, {row.milliseconds:.0f}"
            for name, row in found.items()
        )
        print(f"| {'default' if effort is None else effort} | {told} |")
    print(f"\nJPEG {_MARK}: {cells}")


if __name__ == "__main__":
    main()
