"""What FFmpeg says of damaged files, as a user is told it."""

from collections.abc import Iterator
from contextlib import contextmanager

import av

from darkroom_processor.errors import Code, Rejected


def corrupt(why: object) -> Rejected:
    """Return the error for a source that cannot be decoded."""
    return Rejected(
        Code.CORRUPT_VIDEO,
        f"The source cannot be decoded: it is damaged or ends too early ({why}). Save it anew, or "
        "upload it again.",
    )


@contextmanager
def damage_is_rejected() -> Iterator[None]:
    """Turn what FFmpeg raises on damaged files into Rejected."""
    try:
        yield
    except (av.FFmpegError, ValueError, ArithmeticError, EOFError) as error:
        raise corrupt(getattr(error, "strerror", None) or error) from error
