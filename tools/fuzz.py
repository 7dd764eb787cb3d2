"""Fuzzing: mutated files of every source format, each through a whole task, in forked processes.

    python tools/fuzz.py --inputs 5000

Each input has to end with its outputs and a report of them, or with an error that was foreseen. A
defect, a crash, a hang or a report of outputs that are not there is a finding: its input is kept.
The inputs follow from the seed and their number alone.
"""

import argparse
import io
import json
import os
import random
import resource
import select
import signal
import struct
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from darkroom_processor.assignment import read_outputs
from darkroom_processor.documents import (
    AssignedFile,
    AssignedOutput,
    AssignedSource,
    Assignment,
    Limits,
    SignedRequest,
)
from darkroom_processor.errors import ProcessingError
from darkroom_processor.local import LocalFiles
from darkroom_processor.log import be_silent
from darkroom_processor.tasks import process
from PIL import Image, ImageFilter

_DATA: Final = Path(__file__).parent.parent / "tests/unit/processor/data"
_PIXELS: Final = 4_000_000
_SECONDS: Final = 20
_ADDRESS_SPACE: Final = 3 * 2**30
_OUTPUTS: Final[Sequence[Mapping[str, Any]]] = (
    {"name": "small", "format": "jpeg", "operations": [{"resize": {"width": 16}}]},
    {
        "name": "kept",
        "format": "png",
        "metadata": "keep",
        "operations": [{"resize": {"width": 24}}],
    },
    {"name": "moving", "format": "gif", "operations": [{"resize": {"width": 12}}]},
)
_NUMBERS: Final = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1)
_SLOW: Final = {"heic": 10}
"""Formats that have a process for each input: they get so many times fewer inputs."""


class Finding(NamedTuple):
    """An input that did not end as it has to."""

    format: str
    number: int
    what: str


def seeds() -> dict[str, list[bytes]]:
    """Return small files of each format, of several kinds."""
    picture = Image.radial_gradient("L").resize((40, 30))
    color = Image.merge("RGB", (picture, picture.rotate(90), picture.filter(ImageFilter.BLUR)))
    clear = color.copy()
    clear.putalpha(picture)
    frames = [color.rotate(angle) for angle in (20, 40)]
    exif = Image.Exif()
    exif.update({0x0112: 6, 0x010E: "a description", 0x8298: "somebody"})
    moving = {"save_all": True, "append_images": frames, "duration": 50, "loop": 0}

    def saved(image: Image.Image, format_: str, **settings: Any) -> bytes:  # noqa: ANN401  # Pillow's
        file = io.BytesIO()
        image.save(file, format_, **settings)
        return file.getvalue()

    return {
        "jpeg": [
            saved(color, "JPEG", exif=exif, comment=b"a comment", dpi=(72, 72)),
            saved(color, "JPEG", progressive=True, subsampling=0),
            saved(color.convert("CMYK"), "JPEG"),
        ],
        "png": [
            saved(clear, "PNG", exif=exif),
            saved(color.quantize(16), "PNG", transparency=3),
            saved(picture.convert("I;16"), "PNG"),
            saved(color, "PNG", **moving),
        ],
        "webp": [
            saved(color, "WEBP", exif=exif),
            saved(clear, "WEBP", lossless=True),
            saved(color, "WEBP", **moving),
        ],
        "gif": [saved(color, "GIF"), saved(color, "GIF", **moving)],
        "tiff": [
            saved(color, "TIFF", compression="tiff_lzw", exif=exif),
            saved(clear, "TIFF", compression="tiff_adobe_deflate"),
            saved(picture.convert("1"), "TIFF", compression="group4"),
            saved(color, "TIFF", save_all=True, append_images=frames),
        ],
        "bmp": [saved(color, "BMP"), saved(color.quantize(16), "BMP")],
        "avif": [
            saved(clear, "AVIF", exif=exif, speed=10),
            saved(color, "AVIF", speed=10, **moving),
        ],
        "ico": [saved(clear, "ICO"), saved(clear, "ICO", bitmap_format="bmp")],
        "heic": [(_DATA / name).read_bytes() for name in ("clear.heic", "turned.heic")],
    }


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return a file with one to five things done to it."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 5)):
        if len(changed) > 16:  # noqa: PLR2004  # what is shorter has no more to lose
            chance.choice(_MUTATIONS)(changed, chance)
    # Half of the PNGs get their checksums right, or hardly any would come beyond them.
    return _checked(bytes(changed)) if chance.random() < 0.5 else bytes(changed)  # noqa: PLR2004


def _checked(data: bytes) -> bytes:
    """Return a PNG with the checksums that its chunks ought to have; anything else as it is."""
    if not data.startswith(b"\x89PNG"):
        return data
    parts, at = [data[:8]], 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            break
        parts += [data[at:end], zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")]
        at = end + 4
    return b"".join(parts) + data[at:]


def _flip(data: bytearray, chance: random.Random) -> None:
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _number(data: bytearray, chance: random.Random) -> None:
    size = chance.choice("BHI")
    number = chance.choice(_NUMBERS) % 256 ** struct.calcsize(size)
    # Headers are where numbers are.
    at = chance.randrange(min(len(data), chance.choice((64, 512, 2**20))) - 4)
    struct.pack_into(chance.choice("<>") + size, data, at, number)


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def _leave_out(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    del data[at : at + chance.randint(1, 32)]


def _repeat(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    data[at:at] = data[at : at + chance.randint(1, 64)] * chance.randint(1, 8)


def _noise(data: bytearray, chance: random.Random) -> None:
    at, count = chance.randrange(len(data)), chance.randint(1, 32)
    data[at : at + count] = chance.randbytes(count)


_MUTATIONS: Final[Sequence[Callable[[bytearray, random.Random], None]]] = (
    *(_flip, _flip, _number, _number, _number),
    *(_cut, _leave_out, _repeat, _noise),
)


def made(files: Sequence[bytes], seed: int, number: int) -> bytes:
    """Return the input of a number."""
    chance = random.Random(f"{seed}-{number}")  # noqa: S311  # the same again each time
    return mutated(chance.choice(files), chance)


def ended(data: bytes, folder: Path) -> str:
    """Do a task and return how it ended: a code, "done", or what is wrong, after a "!"."""
    source, out = folder / "source", folder / "out"
    source.write_bytes(data)
    nowhere = SignedRequest("")
    assignment = Assignment(
        "fuzz",
        sources=(AssignedSource(SignedRequest(str(source))),),
        outputs=tuple(
            AssignedOutput(output, (AssignedFile(output.name, output.format, nowhere),))
            for output in read_outputs(json.dumps(_OUTPUTS))
        ),
        limits=Limits(pixels=_PIXELS),
        facts=nowhere,
    )
    try:
        report = process(assignment, LocalFiles(out), str(folder))
    except ProcessingError as error:
        return f"! message of {error.code}" if not error.message.endswith(".") else error.code
    except Exception as error:  # noqa: BLE001  # this is what is looked for
        return f"! {type(error).__name__}: {error}".replace("\n", " ")
    sizes = {path.stem: path.stat().st_size for path in out.iterdir()}
    missing = [each.name for each in report.outputs if sizes.get(each.name) != each.bytes]
    if missing or len(report.outputs) != len(_OUTPUTS):
        return f"! reported, but not there: {missing}"
    for path in out.iterdir():
        path.unlink()
    return "done"


def _work(files: Sequence[bytes], seed: int, numbers: range, folder: Path, told: IO[str]) -> None:
    """Do inputs in this process; tell each one's beginning and end."""
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders complain there
    be_silent()
    for number in numbers:
        print("begins", file=told, flush=True)
        print(ended(made(files, seed, number), folder), file=told, flush=True)


def fuzz(
    format_: str, files: Sequence[bytes], seed: int, count: int
) -> tuple[Counter[str], list[Finding]]:
    """Return how often each end came, and the findings."""
    ends: Counter[str] = Counter()
    findings: list[Finding] = []
    number = 0
    while number < count:
        with tempfile.TemporaryDirectory() as folder:
            reading, writing = os.pipe()
            process_ = os.fork()
            if process_ == 0:
                os.close(reading)
                with os.fdopen(writing, "w") as told:
                    _work(files, seed, range(number, count), Path(folder), told)
                os._exit(0)
            os.close(writing)
            with os.fdopen(reading, "rb", buffering=0) as told_:
                number = _followed(
                    told_, number, lambda end, at: _note(format_, end, at, ends, findings)
                )
            os.kill(process_, signal.SIGKILL)
            os.waitpid(process_, 0)
    return ends, findings


def _followed(told: Any, number: int, note: Callable[[str, int], None]) -> int:  # noqa: ANN401  # a pipe
    """Note how each input ends, until the process does; return the number to go on with."""
    rest = b""
    has_begun = False
    while True:
        if not select.select([told], [], [], _SECONDS)[0]:
            note(f"! hangs: more than {_SECONDS} seconds", number)
            return number + 1
        got = told.read(65536)
        if not got:
            if has_begun:
                note("! crashes the process", number)
                return number + 1
            return number
        *lines, rest = (rest + got).split(b"\n")
        for line in lines:
            if line == b"begins":
                has_begun = True
            else:
                note(line.decode(), number)
                number, has_begun = number + 1, False


def _note(format_: str, end: str, number: int, ends: Counter[str], findings: list[Finding]) -> None:
    ends["finding" if end.startswith("!") else end] += 1
    if end.startswith("!"):
        findings.append(Finding(format_, number, end.removeprefix("! ")))


def main() -> None:
    """Fuzz the formats that were asked for, print a table, and exit with 1 for a finding."""
    files = seeds()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=500, help="of each format")
    parser.add_argument("--seed", type=int, default=1839)
    parser.add_argument("--formats", nargs="*", default=list(files), metavar="FORMAT")
    parser.add_argument("--keep", type=Path, default=Path(".darkroom/fuzz"), help="for findings")
    options = parser.parse_args()
    found: list[Finding] = []
    for format_ in options.formats:
        start = time.monotonic()
        count = max(1, options.inputs // _SLOW.get(format_, 1))
        ends, findings = fuzz(format_, files[format_], options.seed, count)
        told = ", ".join(f"{end} {times}" for end, times in ends.most_common())
        print(
            f"{format_:5} {count:6} inputs, {time.monotonic() - start:4.0f} s: {told}", flush=True
        )
        for finding in findings:
            options.keep.mkdir(parents=True, exist_ok=True)
            kept = options.keep / f"{options.seed}-{finding.number}.{format_}"
            kept.write_bytes(made(files[format_], options.seed, finding.number))
            print(f"  {kept}: {finding.what}", flush=True)
        found += findings
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
