"""The errors a task can end with: a stable code, a sentence that says what to do, a consequence.

`Rejected` is for an input that can never succeed, `TryAgain` for what may pass. Anything else that
is raised is a defect: it ends as `internal` and is tried again.
"""

from enum import StrEnum
from typing import ClassVar, Final

from darkroom_core.exit_codes import ExitCode

_MESSAGE_LENGTH: Final = 1024


class Code(StrEnum):
    """The stable words of `report.error.code`. New ones may come; none changes its meaning."""

    INVALID_ASSIGNMENT = "invalid_assignment"
    """The assignment is missing, is not JSON, or asks for what this processor does not know."""
    UNSUPPORTED_FORMAT = "unsupported_format"
    """The source is of no format that is taken, whatever its name says."""
    CORRUPT_IMAGE = "corrupt_image"
    """The source has the first bytes of its format but cannot be decoded, or ends too early."""
    CORRUPT_VIDEO = "corrupt_video"
    """The source has the first bytes of a video but cannot be decoded, or ends too early."""
    CORRUPT_LINES = "corrupt_lines"
    """A line of the source is no JSON object; the message has its number."""
    CODEC_MISSING = "codec_missing"
    """An output asks for an encoder that this processor lacks, or that its format cannot hold."""
    TIME_OUTSIDE = "time_outside"
    """An output begins after the end of the video."""
    TOO_MANY_PIXELS = "too_many_pixels"
    """Width x height x frames of the source exceed `limits.pixels`; nothing was decoded."""
    SOURCE_TOO_LARGE = "source_too_large"
    """The source has more bytes than `limits.sourceBytes`; reading stopped there."""
    OUT_OF_MEMORY = "out_of_memory"
    """The task would need more memory than the container may use: mostly told before decoding."""
    OUTPUT_TOO_LARGE = "output_too_large"
    """An output would exceed `limits.pixels`, the longest side its format can hold, or its
    `maxBytes`; or all outputs together 4 GB."""
    CROP_OUTSIDE = "crop_outside"
    """A crop's rectangle lies entirely outside the picture."""
    FRAME_MISSING = "frame_missing"
    """The source has no frame or page of the number that an output asks for."""
    SOURCE_NOT_FOUND = "source_not_found"
    """The source answered 404 or 410: there is nothing under its URL or key."""
    SOURCE_REFUSED = "source_refused"
    """The source answered with another 4xx. Final for a user's URL; tried again for a signed one,
    whose signature clock or permission may be put right."""
    SOURCE_FORBIDDEN_ADDRESS = "source_forbidden_address"
    """The source's URL, or a redirect of it, leads to an address that is not public."""
    SOURCE_URL_INVALID = "source_url_invalid"
    """The source's URL is not http or https, names no host, or redirects more than five times."""
    SOURCE_UNTRUSTED = "source_untrusted"
    """The source's TLS certificate is not valid for its host."""
    SOURCE_UNREACHABLE = "source_unreachable"
    """The source could not be reached, was cut off, or answered 5xx, 408 or 429. Tried again."""
    STORAGE_UNREACHABLE = "storage_unreachable"
    """An output could not be written: no connection, or 5xx, 408 or 429. Tried again."""
    STORAGE_REFUSED = "storage_refused"
    """Storage answered a write with another 4xx: never the picture's fault. Tried again."""
    OUT_OF_TIME = "out_of_time"
    """One try took longer than `limits.seconds`. Tried again: a busy node or a slow source is the
    usual cause, and the task's retries and deadline bound it."""
    TERMINATED = "terminated"
    """SIGTERM: the task was canceled, or its node is drained. Tried again where that is wanted."""
    INTERNAL = "internal"
    """A defect in the processor; its log has the traceback. Tried again."""


class ProcessingError(Exception):
    """An end that was foreseen: its message is for the user, its exit code for the Job."""

    retryable: ClassVar[bool]
    exit_code: ClassVar[ExitCode]

    def __init__(self, code: Code, message: str) -> None:
        """Keep the code, and the message cut to what a report may carry."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message[:_MESSAGE_LENGTH]


class Rejected(ProcessingError):  # noqa: N818  # the name says what happens
    """This input can never succeed: the Job fails at once (exit 65)."""

    retryable = False
    exit_code = ExitCode.REJECTED


class TryAgain(ProcessingError):  # noqa: N818  # the name says what to do
    """Something outside was away: the Job tries again (exit 75)."""

    retryable = True
    exit_code = ExitCode.TRY_AGAIN
