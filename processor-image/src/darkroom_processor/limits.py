"""What is refused before anything is decoded: wrong formats, too many bytes, pixels or frames."""

import os
import resource
from typing import Final

from darkroom_core.vocabulary import Format

from darkroom_processor.errors import Code, Rejected

MAX_FRAMES: Final = 10_000
"""Most frames of a source: tiny ones cost time even where they have hardly any pixels."""
MAX_OUTPUT_BYTES: Final = 4_000_000_000
"""Most bytes of all outputs together: pixels limit one of them, not sixty-four. It is no setting,
for it is far above what people want and far below what fills a storage."""
_LONGEST_SIDE: Final = {
    Format.JPEG: 65_500,
    Format.PNG: 2_147_483_647,
    Format.WEBP: 16_383,
    Format.AVIF: 32_768,
    Format.GIF: 65_535,
    Format.TIFF: 2_147_483_647,
    Format.BMP: 2_147_483_647,
    Format.ICO: 256,
    Format.PDF: 14_400,
}
_CGROUP_MEMORY: Final = "/sys/fs/cgroup/memory.max"


def check_source_bytes(count: int, limit: int) -> None:
    """Raise Rejected when a source is longer than `limit` bytes."""
    if count > limit:
        raise Rejected(
            Code.SOURCE_TOO_LARGE,
            f"The source is longer than {limit:,} bytes, the most this processor takes. Send a "
            "smaller file.",
        )


def check_source_pixels(width: int, height: int, frames: int, limit: int) -> None:
    """Raise Rejected when width x height x frames exceed `limit`, or frames MAX_FRAMES."""
    if width * height * frames > limit or frames > MAX_FRAMES:
        shape = f"{width:,} x {height:,} pixels" + (f" in {frames:,} frames" if frames > 1 else "")
        raise Rejected(
            Code.TOO_MANY_PIXELS,
            f"The source has {shape}; this processor takes {limit:,} pixels in all, in "
            f"{MAX_FRAMES:,} frames at most. Send a smaller picture.",
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


def check_output_bytes(count: int, limit: int) -> None:
    """Raise Rejected when all outputs of a task would have more than `limit` bytes together."""
    if count > limit:
        raise Rejected(
            Code.OUTPUT_TOO_LARGE,
            f"The outputs would have {count:,} bytes together; a task may write {limit:,}. Ask for "
            "smaller or fewer outputs, or make several tasks.",
        )


def check_memory(needed: int, allowed: int | None, what: str = "Decoding the source") -> None:
    """Raise Rejected when something needs more bytes than the container may use."""
    if allowed is not None and needed > allowed:
        raise Rejected(
            Code.OUT_OF_MEMORY,
            f"{what} needs about {needed // 2**20:,} MiB of memory and the processor "
            f"may use {allowed // 2**20:,}. Send a smaller picture (a JPEG that is not progressive "
            "needs least) or give the processor more memory.",
        )


def allowed_memory() -> int | None:
    """Return how many bytes of memory the container, or the process, may have; None: no limit."""
    limits = [limit for limit in (_memory_of_container(), _memory_of_process()) if limit]
    return min(limits, default=None)


def _memory_of_container() -> int | None:
    try:
        with open(_CGROUP_MEMORY, encoding="ascii") as file:  # noqa: PTH123  # pathlib is slow to import
            text = file.read().strip()
    except OSError:
        return None
    return None if text == "max" else int(text)


def _memory_of_process() -> int | None:
    """Return the limit of `ulimit -v`: several encoders crash where they do not get memory."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def usable_cpus() -> int:
    """Return how many CPUs the container may use: at least 1."""
    count = len(os.sched_getaffinity(0))
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:  # noqa: PTH123  # as above
            quota, period = file.read().split()
    except (OSError, ValueError):
        return count
    return count if quota == "max" else max(1, min(count, -(-int(quota) // int(period))))
