"""What is refused before anything is decoded: wrong formats, too many bytes, pixels or frames."""

import os
from typing import Final

from darkroom_core.vocabulary import Format

from darkroom_processor.errors import Code, Rejected

MAGIC_LENGTH: Final = 16
_LONGEST_SIDE: Final = {Format.JPEG: 65_500, Format.PNG: 2_147_483_647, Format.WEBP: 16_383}
_CGROUP_MEMORY: Final = "/sys/fs/cgroup/memory.max"


def sniffed_format(start: bytes) -> Format:
    """Return the format that a file's first 16 bytes say; raises Rejected for any other."""
    if start.startswith(b"\xff\xd8\xff"):
        return Format.JPEG
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return Format.PNG
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return Format.WEBP
    raise Rejected(
        Code.UNSUPPORTED_FORMAT,
        "The source is not a JPEG, PNG or WebP file, whatever its name says. Convert it to one of "
        "these and send it again.",
    )


def check_source_bytes(count: int, limit: int) -> None:
    """Raise Rejected when a source is longer than `limit` bytes."""
    if count > limit:
        raise Rejected(
            Code.SOURCE_TOO_LARGE,
            f"The source is longer than {limit:,} bytes, the most this processor takes. Send a "
            "smaller file.",
        )


def check_source_pixels(width: int, height: int, frames: int, limit: int) -> None:
    """Raise Rejected when width x height x frames exceed `limit`."""
    if width * height * frames > limit:
        shape = f"{width:,} x {height:,} pixels" + (f" in {frames:,} frames" if frames > 1 else "")
        raise Rejected(
            Code.TOO_MANY_PIXELS,
            f"The source has {shape}; this processor takes {limit:,} pixels in all. Send a smaller "
            "picture.",
        )


def check_output_pixels(size: tuple[int, int], limit: int) -> None:
    """Raise Rejected when an operation would make a picture of more than `limit` pixels."""
    if size[0] * size[1] > limit:
        raise Rejected(
            Code.OUTPUT_TOO_LARGE,
            f"An operation would make a picture of {size[0]:,} x {size[1]:,} pixels; this "
            f"processor makes {limit:,} at most. Ask for a smaller size.",
        )


def check_output_side(size: tuple[int, int], format_: Format) -> None:
    """Raise Rejected when a format cannot hold a picture of that size."""
    longest = _LONGEST_SIDE[format_]
    if max(size) > longest:
        raise Rejected(
            Code.OUTPUT_TOO_LARGE,
            f"A {format_.value} file can be {longest:,} pixels wide and high at most; this output "
            f"would be {size[0]:,} x {size[1]:,}. Resize it or choose another format.",
        )


def check_memory(needed: int, allowed: int | None) -> None:
    """Raise Rejected when decoding needs more bytes than the container may use."""
    if allowed is not None and needed > allowed:
        raise Rejected(
            Code.OUT_OF_MEMORY,
            f"Decoding the source needs about {needed // 2**20:,} MiB of memory and the processor "
            f"may use {allowed // 2**20:,}. Send a smaller picture (a JPEG that is not progressive "
            "needs least) or give the processor more memory.",
        )


def allowed_memory() -> int | None:
    """Return the container's memory limit in bytes; None where there is none."""
    try:
        with open(_CGROUP_MEMORY, encoding="ascii") as file:  # noqa: PTH123  # pathlib is slow to import
            text = file.read().strip()
    except OSError:
        return None
    return None if text == "max" else int(text)


def usable_cpus() -> int:
    """Return how many CPUs the container may use: at least 1."""
    count = len(os.sched_getaffinity(0))
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:  # noqa: PTH123  # as above
            quota, period = file.read().split()
    except (OSError, ValueError):
        return count
    return count if quota == "max" else max(1, min(count, -(-int(quota) // int(period))))
